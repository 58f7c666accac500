/** Builds the API reference, and checks that it says what a reader needs of each public name. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = resolve(__dirname, '../..');

/** Kinds of TypeDoc's JSON. */
const kind = { function: 64, class: 128, interface: 256, constructor: 512, property: 1024, method: 2048 };

interface Part {
  readonly kind: string;
  readonly text: string;
  readonly tag?: string;
}
interface Comment {
  readonly summary: readonly Part[];
  readonly blockTags?: readonly { readonly tag: string; readonly content: readonly Part[] }[];
}
interface Reflection {
  readonly name: string;
  readonly kind: number;
  readonly flags: { readonly isOptional?: boolean };
  readonly comment?: Comment;
  readonly children?: readonly Reflection[];
  readonly signatures?: readonly Reflection[];
  readonly parameters?: readonly Reflection[];
  readonly type?: { readonly name?: string; readonly declaration?: Reflection };
}
/** A public name or member, with the name that a failed test shows. */
interface Documented {
  readonly name: string;
  readonly reflection: Reflection;
}

let folder: string;
let output: string;
let modules: readonly Reflection[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-docs-'));
  const json = join(folder, 'api.json');
  const options = ['--out', join(folder, 'html'), '--json', json];
  output = await new Promise((done, fail) => {
    execFile('npm', ['run', 'docs', '--', ...options], { cwd: root }, (error, stdout, stderr) => {
      if (error === null) done(stdout + stderr);
      else fail(new Error(`npm run docs failed\n${stdout}${stderr}`));
    });
  });
  modules = (JSON.parse(readFileSync(json, 'utf8')) as Reflection).children ?? [];
}, 600_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const textOf = (parts: readonly Part[] = []): string => parts.map(({ text }) => text).join('');
const tagsOf = ({ comment }: Reflection, tag: string): string[] =>
  (comment?.blockTags ?? []).filter((each) => each.tag === tag).map(({ content }) => textOf(content));
const namesOf = (all: readonly Documented[]): string[] => all.map(({ name }) => name);

const publicNames = (): Documented[] =>
  modules.flatMap(({ children = [] }) => children.map((each) => ({ name: each.name, reflection: each })));
const membersOf = ({ name, reflection }: Documented, ofKind: number): Documented[] =>
  (reflection.children ?? [])
    .filter((each) => each.kind === ofKind)
    .map((each) => ({ name: `${name}.${each.name}`, reflection: each }));
const signaturesOf = ({ name, reflection }: Documented): Documented[] =>
  (reflection.signatures ?? []).map((each) => ({ name, reflection: each }));

const classes = () => publicNames().filter(({ reflection }) => reflection.kind === kind.class);
const functions = () =>
  publicNames()
    .filter(({ reflection }) => reflection.kind === kind.function)
    .flatMap(signaturesOf);
const constructors = () =>
  classes()
    .flatMap((each) => membersOf(each, kind.constructor))
    .flatMap(signaturesOf);
const methods = () =>
  publicNames()
    .flatMap((each) => membersOf(each, kind.method))
    .flatMap(signaturesOf);

// The app or a package of its choice has these methods, and this package calls them.
const isCalledByApps = ({ name }: Documented): boolean =>
  !/^(PolarStorage|PostgresClient|PolarSDKCore)\./.test(name);

describe('the API reference', () => {
  it('is built without a warning', () => {
    expect(output).toContain('html generated');
    expect(output).not.toContain('[warning]');
  });

  it('has every entry point of the package', () => {
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
    const entries = Object.keys(exports)
      .filter((each) => !each.endsWith('.json'))
      .map((each) => each.replace(/^\./, 'passport-polar-sh'));
    expect(modules.map(({ name }) => name)).toEqual(entries);
  });

  it('sums up every public name, method and constructor', () => {
    const all = [...publicNames(), ...methods(), ...constructors()];
    // The summary of a function is that of its signature; so is that of a type that is a function.
    const withoutSummary = all.filter(({ reflection }) =>
      [
        reflection,
        ...(reflection.signatures ?? []),
        ...(reflection.type?.declaration?.signatures ?? []),
      ].every(({ comment }) => textOf(comment?.summary).trim() === ''),
    );
    expect(namesOf(withoutSummary)).toEqual([]);
  });

  it('shows what each type is, and not only its name', () => {
    const circular = publicNames().filter(({ name, reflection }) => reflection.type?.name === name);
    expect(namesOf(circular)).toEqual([]);
  });

  it('describes every parameter of a function, method or constructor', () => {
    const all = [...functions(), ...methods(), ...constructors()];
    const undescribed = all.flatMap(({ name, reflection: { parameters = [] } }) =>
      parameters
        .filter(({ comment }) => textOf(comment?.summary).trim() === '')
        .map((parameter) => `${name}(${parameter.name})`),
    );
    expect(all.length).toBeGreaterThan(60);
    expect(undescribed).toEqual([]);
  });

  it('shows an example of every function, class and method that apps use', () => {
    const all = [...functions(), ...classes(), ...methods().filter(isCalledByApps)];
    const withoutExample = all.filter(({ reflection }) => tagsOf(reflection, '@example').length === 0);
    expect(namesOf(withoutExample)).toEqual([]);
  });

  it('names the code of every error of this package that is thrown or passed on', () => {
    const codes = new Set(
      readFileSync(join(root, 'src/errors.ts'), 'utf8')
        .split('// `instanceof`')[0]
        ?.match(/(?<=\| ')\w+(?=')/g),
    );
    expect(codes.size).toBeGreaterThan(50);
    const vague = [...functions(), ...methods(), ...constructors()].flatMap(({ name, reflection }) =>
      [...tagsOf(reflection, '@throws'), ...tagsOf(reflection, '@returns')]
        // The description of a class may name the codes of all its methods.
        .filter((text) => /\bPolar\w*Error\b/.test(text) && !/: see Polar\w+$/.test(text.trim()))
        .filter((text) => !text.includes('IdTokenErrorCode'))
        .filter((text) => !(text.match(/(?<=`)\w+(?=`)/g) ?? []).some((word) => codes.has(word)))
        .map((text) => `${name}: ${text}`),
    );
    expect(vague).toEqual([]);
  });

  it('says of every @throws which error it is', () => {
    const all = [...functions(), ...methods(), ...constructors()];
    const unnamed = all.flatMap(({ name, reflection }) =>
      tagsOf(reflection, '@throws')
        .filter((text) => !/^(\w*Error\b|what \w+ throws, such as Polar\w+Error\b)/.test(text))
        .map((text) => `${name}: ${text}`),
    );
    expect(unnamed).toEqual([]);
  });

  it('gives the default of every optional option', () => {
    const options = publicNames().filter(({ name }) =>
      /(Options|Requirements|Lifetimes|Realism|Races)$/.test(name),
    );
    const withoutDefault = options
      .flatMap((each) => membersOf(each, kind.property))
      .filter(({ reflection }) => reflection.flags.isOptional && tagsOf(reflection, '@default').length === 0);
    expect(options.length).toBeGreaterThan(10);
    expect(namesOf(withoutDefault)).toEqual([]);
  });

  it('names the specification or endpoint behind every method of the OAuth client', () => {
    const calls = methods().filter(({ name }) => /^(PolarOAuthClient|Registrations)\./.test(name));
    expect(calls.length).toBeGreaterThan(10);
    expect(namesOf(calls.filter(({ reflection }) => tagsOf(reflection, '@see').length === 0))).toEqual([]);
  });

  it('has no broken link between its pages', () => {
    const html = join(folder, 'html');
    const pages = readdirSync(html, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.html'),
    );
    const texts = new Map(pages.map((page) => [join(html, page), readFileSync(join(html, page), 'utf8')]));
    const broken = [...texts].flatMap(([page, text]) =>
      [...text.matchAll(/<a [^>]*href="(?!https?:)([^"#]*)(?:#([^"]*))?"/g)]
        .filter(([, path = '', anchor]) => {
          const target = path === '' ? page : join(dirname(page), path);
          if (anchor === undefined || anchor === '') return !existsSync(target);
          return !texts.get(target)?.includes(`id="${anchor}"`);
        })
        .map(([link]) => `${relative(html, page)}: ${link}`),
    );
    expect(pages.length).toBeGreaterThan(100);
    expect(broken).toEqual([]);
  });
});

it('the API reference is not part of the package', () => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  expect(files).not.toContain('api-docs');
  expect(readFileSync(join(root, '.gitignore'), 'utf8')).toMatch(/^\/api-docs\/$/m);
});

it('the lock file of TypeDoc names no registry', () => {
  expect(readFileSync(join(root, 'scripts/api-docs/package-lock.json'), 'utf8')).not.toMatch(
    /"resolved": "(?!https:\/\/registry\.npmjs\.org\/)/,
  );
});
