// Writes the version of package.json into src/docs-url.ts; `npm version` runs it.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const file = new URL('src/docs-url.ts', root);
const before = readFileSync(file, 'utf8');
const after = before.replace(
  /^export const packageVersion = '.*';$/m,
  `export const packageVersion = '${version}';`,
);
if (!after.includes(`'${version}'`)) throw new Error('src/docs-url.ts has no version to replace');
writeFileSync(file, after);
