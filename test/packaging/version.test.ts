/** `npm version` writes the new version to where errors get the address of their docs from. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from '@jest/globals';

const root = resolve(__dirname, '../..');

it('npm version changes the version in the addresses of errors', () => {
  const copy = mkdtempSync(join(tmpdir(), 'passport-polar-sh-version-'));
  try {
    for (const folder of ['scripts', 'src']) mkdirSync(join(copy, folder));
    for (const file of ['scripts/write-version.mjs', 'src/docs-url.ts'])
      cpSync(join(root, file), join(copy, file));
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(manifest.scripts.version).toMatch(
      /^node scripts\/write-version\.mjs && git add src\/docs-url\.ts$/,
    );
    writeFileSync(join(copy, 'package.json'), JSON.stringify({ ...manifest, version: '12.3.4-next.5' }));
    execFileSync(process.execPath, [join(copy, 'scripts/write-version.mjs')]);
    const text = readFileSync(join(root, 'src/docs-url.ts'), 'utf8');
    expect(readFileSync(join(copy, 'src/docs-url.ts'), 'utf8')).toBe(
      text.replace(`'${manifest.version}'`, "'12.3.4-next.5'"),
    );
  } finally {
    rmSync(copy, { recursive: true });
  }
});
