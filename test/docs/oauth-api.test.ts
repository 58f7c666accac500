/** docs/oauth-api.md names what exists, and nothing else. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PolarOAuthClient, PolarRegistrationClient } from 'passport-polar-sh';
import { blocksOf, projectFile, root, runningFile } from './shown-code.js';

const guide = projectFile('docs/oauth-api.md');
const table = guide.split('\n## The table\n')[1]?.split('\n## ')[0] ?? '';
const rows = [...table.matchAll(/^\| (.*?) ?\| (.*?) ?\| (.+?) \|$/gm)].map(([, ...cells]) => cells);
const named = (column: number) =>
  new Set(rows.flatMap((cells) => [...(cells[column] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name)));
const wireNames = named(1);
const ourNames = rows.map(([, , ours]) => ours).join('\n');

/** Methods of a class, including inherited ones. */
function methodsOf(one: { readonly prototype: object }): string[] {
  const names: string[] = [];
  for (let next = one.prototype; next !== Object.prototype; next = Object.getPrototypeOf(next)) {
    const own = Object.entries(Object.getOwnPropertyDescriptors(next));
    names.push(...own.filter(([, { value }]) => typeof value === 'function').map(([name]) => name));
  }
  return names.filter((name) => name !== 'constructor').sort();
}

const classes = { client: PolarOAuthClient, 'client.registrations': PolarRegistrationClient };

describe.each(Object.entries(classes))('the table of the OAuth API, for %s,', (name, one) => {
  const shown = [...ourNames.matchAll(new RegExp(`\`${name}\\.(\\w+)\\(`, 'g'))].map(([, method]) => method);

  it('has every method and no others', () => {
    expect(methodsOf(one).length).toBeGreaterThan(3);
    expect([...new Set(shown)].sort()).toEqual(methodsOf(one));
  });
});

describe('the wire names in the table of the OAuth API', () => {
  const call = { signal: undefined };

  /** Calls the methods and collects the names of everything that they send. */
  async function sentNames(): Promise<Set<string>> {
    const names = new Set<string>();
    const fetch = async (_url: string, { body }: RequestInit) => {
      const fields = body instanceof URLSearchParams ? [...body.keys()] : [];
      const json = typeof body === 'string' ? Object.keys(JSON.parse(body) as object) : [];
      for (const name of [...fields, ...json]) names.add(name);
      return Response.json({ error: 'invalid_request' }, { status: 400 });
    };
    const client = new PolarOAuthClient({ clientID: 'c', clientSecret: 's', fetch });
    const metadata = {
      clientName: 'x',
      redirectURIs: [],
      scope: [],
      tokenEndpointAuthMethod: 'none' as const,
      grantTypes: [],
      responseTypes: [],
      defaultSubType: 'user' as const,
      clientURI: 'x',
      logoURI: 'x',
      tosURI: 'x',
      policyURI: 'x',
    };
    const access = { clientID: 'c', registrationAccessToken: 't' };
    const web = { sessionToken: 's', subType: 'user' as const, sub: 'x', scope: ['openid'] };
    await Promise.allSettled([
      client.exchangeCode({ code: 'c', redirectURI: 'r', codeVerifier: 'v' }, call),
      client.refresh({ refreshToken: 'r', scope: ['openid'] }, call),
      client.exchangeWebSession(web, call),
      client.revoke('t', call),
      client.introspect('t', call),
      client.registrations.register(metadata, call),
      client.registrations.updateRegistration(access, metadata, call),
    ]);
    const url = await client.authorizationURL({
      redirectURI: 'r',
      scope: [],
      state: 's',
      nonce: 'n',
      codeChallenge: 'c',
      subType: 'user',
      prompt: 'login',
    });
    for (const name of new URL(url).searchParams.keys()) names.add(name);
    return names;
  }

  it('include every field that is sent', async () => {
    const sent = await sentNames();
    expect(sent.size).toBeGreaterThan(25);
    expect([...sent].filter((name) => !wireNames.has(name))).toEqual([]);
  });

  it('include every field that is read', () => {
    const folder = join(root, 'src/client');
    const source = readdirSync(folder).map((file) => projectFile(`src/client/${file}`));
    const reads =
      /\b(?:(?:optional|required)\w+\(wire, |(?:text|seconds|optional|required)\(|body\[)'([a-z_]+)'/g;
    const read = source.flatMap((text) => [...text.matchAll(reads)].map(([, field]) => field as string));
    expect(new Set(read).size).toBeGreaterThan(40);
    expect(read.filter((field) => !wireNames.has(field))).toEqual([]);
  });

  it('include every field of Polar’s metadata and of its id_tokens', () => {
    const { cases } = JSON.parse(projectFile('test/emulator/polar-wire.json')) as {
      cases: { name: string; response: { body: object; id_token?: { claims: object } } }[];
    };
    const fields = cases.flatMap(({ name, response }) => [
      ...(name === 'discovery' ? Object.keys(response.body) : []),
      ...Object.keys(response.id_token?.claims ?? {}),
      ...(/^(token|introspect|userinfo|register)\./.test(name) ? Object.keys(response.body) : []),
    ]);
    expect(new Set(fields).size).toBeGreaterThan(50);
    expect([...new Set(fields)].filter((field) => !wireNames.has(field))).toEqual([]);
  });
});

describe('every public method of the OAuth client', () => {
  const docs = ['oauth-client.ts', 'registrations.ts'].map((file) => ({
    file,
    text: projectFile(`src/client/${file}`),
  }));
  const methods = docs.flatMap(({ file, text }) =>
    [...text.matchAll(/\n {2}\/\*\*\n((?: {3}\*.*\n)+) {2}(?:async )?(\w+)\(/g)]
      .filter(([, , name]) => name !== 'constructor')
      .map(([, doc = '', name = '']) => [file, name, doc] as const),
  );

  it('is documented', () => {
    expect(new Set(methods.map(([, name]) => name))).toEqual(
      new Set(Object.values(classes).flatMap(methodsOf)),
    );
  });

  it.each(methods)(
    'in %s documents its endpoint, specification, parameters, errors and an example: %s',
    (_f, name, doc) => {
      expect(doc).toMatch(/`(GET|POST|PUT|DELETE) \/[\w.{}/-]+`/);
      expect(doc.replace(/\s+\*\s+/g, ' ')).toMatch(/RFC \d{4}|OpenID Connect/);
      for (const tag of ['@param', '@throws', '@example']) expect(doc).toContain(tag);
      expect(doc).toMatch(new RegExp(`(client|registrations)\\.${name}\\(`));
    },
  );
});

it('the guide to the OAuth API shows the deletion of a client exactly as it runs', () => {
  const blocks = blocksOf('oauth-api.md');
  expect([...blocks.keys()]).toEqual(['retire-client.ts']);
  expect(blocks.get('retire-client.ts')).toBe(runningFile('oauth-api', 'retire-client.ts'));
});

it('the README links to the guide to the OAuth API', () => {
  const readme = projectFile('README.md');
  expect(readme).toContain('](docs/oauth-api.md)');
  expect(readme).toContain('npx passport-polar-sh register');
});
