/** Everything that an app installs with this package. A new dependency must be added here too. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

interface Package {
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly hasInstallScript?: boolean;
}
const root = path.resolve(__dirname, '../..');
const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Package | undefined>>;
};

/** Where Node finds a package that another one requires, according to the lock file. */
function placeOf(name: string, from: string): string {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const place = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return place;
    if (folder === '') throw new Error(`The lock file has no ${name} for ${from || 'this package'}`);
  }
}

/** Every package of the production tree, by its path. */
function productionTree(): Map<string, Package> {
  const found = new Map<string, Package>();
  const visit = (place: string): void => {
    const { dependencies, optionalDependencies } = packages[place] as Package;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const next = placeOf(name, place);
      if (found.has(next)) continue;
      found.set(next, packages[next] as Package);
      visit(next);
    }
  };
  visit('');
  return found;
}

const named = (filter: (name: string) => boolean): string[] =>
  [...productionTree()]
    .map(([place, { version }]) => `${place.split('node_modules/').at(-1)}@${version.split('.')[0]}`)
    .filter(filter)
    .sort();

it('the production tree has code of seven packages', () => {
  expect(named((name) => !name.startsWith('@types/') && !name.startsWith('undici-types'))).toEqual([
    'base64url@3',
    'jose@6',
    'oauth@0',
    'passport-oauth2@1',
    'passport-strategy@1',
    'uid2@0',
    'utils-merge@1',
  ]);
});

it('the production tree has otherwise only types', () => {
  expect(named((name) => name.startsWith('@types/') || name.startsWith('undici-types'))).toEqual([
    '@types/body-parser@1',
    '@types/connect@3',
    '@types/express-serve-static-core@5',
    '@types/express@5',
    '@types/http-errors@2',
    '@types/node@20',
    '@types/oauth@0',
    '@types/passport-oauth2@1',
    '@types/passport@1',
    '@types/qs@6',
    '@types/range-parser@1',
    '@types/send@1',
    '@types/serve-static@2',
    'undici-types@6',
  ]);
});

it('the production tree has no install scripts', () => {
  const scripted = [...productionTree()].filter(([, { hasInstallScript }]) => hasInstallScript);
  expect(scripted.map(([place]) => place)).toEqual([]);
});

it('the app provides two packages itself', () => {
  expect(Object.keys(packages['']?.peerDependencies ?? {})).toEqual(['express-session', 'passport']);
});
