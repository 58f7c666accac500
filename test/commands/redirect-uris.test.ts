import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PolarRegistrationClient } from 'passport-polar-sh';
import {
  type PolarEmulator,
  type PolarEmulatorClient,
  type PolarEmulatorClientMetadata,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import {
  changeRedirectURIs,
  MAX_WRITES,
  type RedirectURIWork,
} from '../../src/commands/change-redirect-uris';
import { redirectURIsCommand } from '../../src/commands/redirect-uris-command';
import { serverOfClient } from '../../src/commands/register-server';
import { runCommand } from '../../src/commands/run-command';
import { answersJSON, startMisbehavingServer } from '../support/misbehaving-server.js';
import { Terminal } from '../support/terminal';

const APP = 'https://app.example/auth/polar/callback';
const preview = (number: number) => `https://pr-${number}.preview.example/auth/polar/callback`;

let emulator: PolarEmulator;
let client: PolarEmulatorClient;
let registrations: PolarRegistrationClient;

beforeAll(async () => {
  emulator = await startPolarEmulator();
  registrations = new PolarRegistrationClient({ server: emulator.server });
});
afterAll(() => emulator.close());
beforeEach(() => {
  emulator.reset();
  register();
});

function register(metadata: Partial<PolarEmulatorClientMetadata> = {}): void {
  client = emulator.registerClient({ redirectURIs: [APP], scope: 'openid email', ...metadata });
}

const environment = () => ({
  POLAR_API_URL: emulator.url,
  POLAR_CLIENT_ID: client.clientID,
  POLAR_REGISTRATION_ACCESS_TOKEN: client.registrationAccessToken,
});

/** Runs the command in this process, without waiting for others. */
async function run(args: readonly string[], env: object = environment()): Promise<Terminal> {
  const terminal = new Terminal();
  Object.assign(terminal.env, env);
  await redirectURIsCommand(args, terminal, async () => {});
  return terminal;
}

const registered = async () => (await registrations.readRegistration(client)).redirectURIs;
const writes = () => emulator.requests.filter(({ method }) => method === 'PUT').length;

describe('a change', () => {
  it.each([
    ['add', APP, 'there already'],
    ['add', 'HTTPS://APP.example:443/auth/polar/callback', 'there already'],
    ['remove', preview(9), 'not there'],
  ])('that is made already is not written: %s %s', async (action, uri, said) => {
    const terminal = await run([action, uri]);
    expect([terminal.out, terminal.error, terminal.exitCode]).toEqual([
      expect.stringMatching(new RegExp(`^Nothing to do: https://\\S+ is ${said}\n$`)),
      '',
      undefined,
    ]);
    expect(writes()).toBe(0);
  });

  it.each([
    ['https://a.co', 'https://a.co/'],
    ['http://localhost:3000/cb', 'http://localhost:3000/cb'],
    ['http://app.localhost/cb', 'http://app.localhost/cb'],
    ['http://192.168.1.20/cb', 'http://192.168.1.20/cb'],
    ['https://bücher.de/ü', 'https://xn--bcher-kva.de/%C3%BC'],
    ['myapp://callback', 'myapp://callback'],
  ])('is spelled as Polar spells it: %s', async (uri, spelled) => {
    expect((await run(['add', uri])).out).toBe(`Added ${spelled}\n`);
    expect(await registered()).toEqual([APP, spelled]);
    expect((await run(['remove', uri])).out).toBe(`Removed ${spelled}\n`);
    expect(await registered()).toEqual([APP]);
  });

  const kinds: [string, Partial<PolarEmulatorClientMetadata>][] = [
    ['a confidential client', {}],
    ['a public client', { tokenEndpointAuthMethod: 'none' }],
    [
      'a client that uses Basic, with a name of its own',
      { tokenEndpointAuthMethod: 'client_secret_basic', name: 'Ünï' },
    ],
    ['a client without scopes that cannot refresh', { scope: '', grantTypes: ['authorization_code'] }],
    ['a client whose logins are for one organization by default', { defaultSubType: 'organization' }],
  ];
  it.each(kinds)('leaves everything else as it was: %s', async (_kind, metadata) => {
    register(metadata);
    const { redirect_uris: _old, ...before } = (await registrations.readRegistration(client)).raw;
    expect((await run(['add', preview(7)])).error).toBe('');
    expect((await registrations.readRegistration(client)).raw).toEqual({
      ...before,
      redirect_uris: [APP, preview(7)],
    });
  });

  it('leaves the addresses of a client as they were', async () => {
    const registration = await registrations.register({
      clientName: 'My app',
      redirectURIs: [APP, 'https://a.co'],
      scope: 'openid',
      clientURI: 'https://app.example/',
      logoURI: 'https://app.example/logo.png',
      tosURI: 'https://app.example/terms',
      policyURI: 'https://app.example/privacy',
    });
    const { clientID, registrationAccessToken = '' } = registration;
    const access = { POLAR_CLIENT_ID: clientID, POLAR_REGISTRATION_ACCESS_TOKEN: registrationAccessToken };
    expect((await run(['remove', 'https://a.co'], { ...environment(), ...access })).out).toBe(
      'Removed https://a.co/\n',
    );
    const { raw } = await registrations.readRegistration(registration);
    expect(raw).toEqual({ ...registration.raw, redirect_uris: [APP] });
  });

  it('is refused by Polar for a client with a grant that registrations cannot have, which keeps it', async () => {
    register({ grantTypes: ['authorization_code', 'web'] });
    const before = (await registrations.readRegistration(client)).raw;
    const terminal = await run(['add', preview(7)]);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
    expect(terminal.error).toContain('grant_types.1');
    expect((await registrations.readRegistration(client)).raw).toEqual(before);
  });

  it('never takes the last one away', async () => {
    const terminal = await run(['remove', APP]);
    expect(terminal.error).toBe(
      `passport-polar-sh redirect-uris: ${APP} is the client's last redirect URI, and nobody could log in without one. Add another one first.\n`,
    );
    expect([terminal.out, terminal.exitCode, writes()]).toEqual(['', 1, 0]);
  });
});

describe('changes at the same time', () => {
  /** Resolves once as many have come as there are parties; again for the next round. */
  function barrier(parties: number) {
    let waiting: (() => void)[] = [];
    const open = () => {
      if (waiting.length < parties) return;
      for (const go of waiting) go();
      waiting = [];
    };
    return {
      arrive: () =>
        new Promise<void>((go) => {
          waiting.push(go);
          open();
        }),
      leave: () => {
        parties--;
        open();
      },
    };
  }

  it('all get through, however often they overwrite each other', async () => {
    const jobs = [1, 2, 3, 4, 5];
    const read = barrier(jobs.length);
    const written = barrier(jobs.length);
    // The worst that can happen: each round, everybody reads before anybody writes.
    const work: RedirectURIWork = {
      registrations: {
        readRegistration: async (...given) => {
          const registration = await registrations.readRegistration(...given);
          await read.arrive();
          return registration;
        },
        updateRegistration: (...given) => registrations.updateRegistration(...given),
      },
      access: client,
      pause: written.arrive,
    };
    const changes = jobs.map(async (number) => {
      const hasChanged = await changeRedirectURIs({ action: 'add', uri: preview(number) }, work);
      for (const each of [read, written]) each.leave();
      return hasChanged;
    });
    expect(await Promise.all(changes)).toEqual(jobs.map(() => true));
    expect(new Set(await registered())).toEqual(new Set([APP, ...jobs.map(preview)]));
    expect(writes()).toBeGreaterThan(jobs.length);
  });

  it('bring nothing back that another one takes away', async () => {
    emulator.updateClient(client.clientID, { redirectURIs: [APP, preview(1)] });
    const stale = await registrations.readRegistration(client);
    const others = ['https://other.example/', ...stale.redirectURIs];
    let isOverwritten = false;
    const hasChanged = await changeRedirectURIs(
      { action: 'remove', uri: preview(1) },
      {
        registrations,
        access: client,
        pause: async () => {
          if (!isOverwritten) emulator.updateClient(client.clientID, { redirectURIs: others });
          isOverwritten = true;
        },
      },
    );
    expect(hasChanged).toBe(true);
    expect(await registered()).toEqual(['https://other.example/', APP]);
  });

  it('end, also where somebody undoes each of them', async () => {
    const change = changeRedirectURIs(
      { action: 'add', uri: preview(1) },
      {
        registrations,
        access: client,
        pause: async () => void emulator.updateClient(client.clientID, { redirectURIs: [APP] }),
      },
    );
    await expect(change).rejects.toThrow(/^Others are changing this client .* Run the command again\.$/);
    expect(writes()).toBe(MAX_WRITES);
  });

  it('for which Polar makes it wait too long are no reason to give up', async () => {
    const failures = (count: number) => ({
      readRegistration: registrations.readRegistration.bind(registrations),
      updateRegistration: (...given: Parameters<typeof registrations.updateRegistration>) => {
        if (count-- > 0) emulator.fail('register', { status: 500 });
        return registrations.updateRegistration(...given);
      },
    });
    const pause = async (): Promise<void> => {};
    const change = { action: 'add', uri: preview(1) } as const;
    const never = { registrations: failures(Infinity), access: client, pause };
    await expect(changeRedirectURIs(change, never)).rejects.toMatchObject({ code: 'server_error' });
    expect(await registered()).toEqual([APP]);
    const soon = { registrations: failures(2), access: client, pause };
    expect(await changeRedirectURIs(change, soon)).toBe(true);
    expect(await registered()).toEqual([APP, preview(1)]);
  });
});

describe('a server that is not like Polar', () => {
  const metadata = {
    client_id: 'polar_ci_1',
    client_name: 'My app',
    redirect_uris: [APP],
    scope: 'openid',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code'],
    response_types: ['code'],
  };

  async function runAt(read: object, update: object, args = ['add', preview(7)]) {
    const server = await startMisbehavingServer((res, request) => {
      answersJSON(request.method === 'GET' ? read : update)(res, request);
    });
    const env = {
      POLAR_API_URL: server.url,
      POLAR_CLIENT_ID: 'polar_ci_1',
      POLAR_REGISTRATION_ACCESS_TOKEN: 'polar_crt_1',
    };
    const terminal = await run(args, env);
    await server.close();
    return { terminal, sent: server.requests.map(({ method }) => method) };
  }

  it.each(['client_name', 'scope', 'token_endpoint_auth_method', 'grant_types', 'response_types'])(
    'is not told to reset %s, which it keeps to itself',
    async (field) => {
      const { [field as 'scope']: _left, ...rest } = metadata;
      const { terminal, sent } = await runAt(rest, rest);
      expect(terminal.error).toContain(`Polar does not say the client's ${field},`);
      expect([terminal.exitCode, sent]).toEqual([1, ['GET']]);
    },
  );

  it('and changes more than it was told to is reported by the names of the fields', async () => {
    const update = {
      ...metadata,
      redirect_uris: [APP, preview(7)],
      client_secret: 'polar_cs_new',
      scope: '',
    };
    const { terminal } = await runAt(metadata, update);
    expect(terminal.error).toContain("the client's scope, client_secret with them");
    expect(terminal.error).not.toContain('polar_cs_new');
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
  });

  it('and does not take the change is reported, and not asked again', async () => {
    const { terminal, sent } = await runAt(metadata, metadata);
    expect(terminal.error).toContain('its response does not show it');
    expect([terminal.exitCode, sent]).toEqual([1, ['GET', 'PUT']]);
  });

  it('and sends lines of its own gets none of them onto the terminal', async () => {
    const { terminal } = await runAt(
      { ...metadata, redirect_uris: [`${APP}\nhttps://x\u001b[2J`] },
      metadata,
      ['list'],
    );
    expect(terminal.out).toBe(`${APP} https://x [2J\n`);
  });
});

describe('goes wrong in one line on stderr', () => {
  it.each([
    [[], {}, 'Say what to do: list, add or remove.'],
    [['show'], {}, "Say what to do: list, add or remove, not 'show'."],
    [['list', APP], {}, `Unexpected argument '${APP}'.`],
    [['add', APP, 'x'], {}, "Unexpected argument 'x'."],
    [['add'], {}, 'add takes an absolute URI without a fragment, such as'],
    [['add', '/auth/polar/callback'], {}, 'add takes an absolute URI'],
    [['remove', `${APP}#x`], {}, 'remove takes an absolute URI'],
    [['add', `${APP}#`], {}, 'add takes an absolute URI without a fragment'],
    [
      ['add', 'http://app.example/cb'],
      {},
      'Polar takes https, or http on localhost and private IPv4 addresses',
    ],
    [['list', '--token', 'x'], {}, "Unknown option '--token'"],
    [['list', '--server', 'staging'], {}, '--server takes sandbox, production or'],
    [['list'], { POLAR_CLIENT_ID: '' }, 'POLAR_CLIENT_ID is not set'],
    [['list'], { POLAR_REGISTRATION_ACCESS_TOKEN: ' ' }, 'POLAR_REGISTRATION_ACCESS_TOKEN is not set'],
    [
      ['list'],
      { POLAR_REGISTRATION_ACCESS_TOKEN: 'of two words' },
      'POLAR_REGISTRATION_ACCESS_TOKEN has characters that no token has',
    ],
    [['list'], { POLAR_API_URL: '' }, 'Say where the client is registered: --server takes'],
    [
      ['list'],
      { POLAR_API_URL: '', POLAR_SERVER: 'staging' },
      "POLAR_SERVER must be production or sandbox, not 'staging'",
    ],
    [['list'], { POLAR_API_URL: 'http://polar.example' }, 'POLAR_API_URL must use https'],
  ])('with exit code 2, and nothing is sent: %j %j', async (args, env, message) => {
    const terminal = await run(args, { ...environment(), ...env });
    expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
    expect(terminal.error).toMatch(/^passport-polar-sh redirect-uris: .* Try --help\.$/m);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 2]);
    expect(emulator.requests).toEqual([]);
  });

  it.each([
    ['down', 'reset-before', 'Is the server reachable from here?'],
    ['busy', { status: 429 }, 'It asks to be tried again in 60 s.'],
    ['in trouble', { status: 500 }, 'answered 500'],
  ] as const)('with exit code 1 when Polar is %s', async (_what, fault, message) => {
    emulator.fail('register', fault, Infinity);
    const terminal = await run(['add', preview(7)]);
    emulator.heal();
    expect(terminal.error.split('\n')).toEqual([expect.stringContaining(message), '']);
    expect([terminal.out, terminal.exitCode]).toEqual(['', 1]);
  });

  it('with exit code 1 when the client is gone', async () => {
    await registrations.deleteRegistration(client);
    const terminal = await run(['list']);
    expect(terminal.error).toContain('that the client still exists');
    expect(terminal.exitCode).toBe(1);
  });
});

it('shows neither the secret nor the token, whatever happens', async () => {
  const shown: string[] = [];
  const wrong = { ...environment(), POLAR_REGISTRATION_ACCESS_TOKEN: `${client.registrationAccessToken}x` };
  for (const args of [['list'], ['add', preview(7)], ['remove', preview(7)], ['remove', APP], ['x']])
    for (const env of [environment(), wrong]) {
      const { out, error } = await run(args, env);
      shown.push(out, error);
    }
  for (const secret of [client.clientSecret, client.registrationAccessToken])
    expect(shown.join('')).not.toContain(secret);
});

it('finds the server by the option, then the address of the environment, then the name', async () => {
  const terminal = new Terminal();
  terminal.env['POLAR_SERVER'] = 'sandbox';
  expect(serverOfClient(undefined, terminal)).toBe('sandbox');
  terminal.env['POLAR_API_URL'] = emulator.url;
  expect(serverOfClient(undefined, terminal)).toMatchObject({ apiURL: emulator.url });
  expect(serverOfClient('production', terminal)).toBe('production');
});

it('explains itself, and is among the commands', async () => {
  const terminal = new Terminal('redirect-uris', '--help');
  await runCommand(terminal);
  expect(terminal.out).toMatch(/^Usage: passport-polar-sh redirect-uris list/);
  for (const name of ['POLAR_CLIENT_ID', 'POLAR_REGISTRATION_ACCESS_TOKEN', '--server'])
    expect(terminal.out).toContain(`  ${name} `);
  const all = new Terminal();
  await runCommand(all);
  expect(all.out).toContain('  redirect-uris ');
});
