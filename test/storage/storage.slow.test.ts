/** Every kind of storage that apps use, held to one contract over the real thing. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import type { PolarStorage } from 'passport-polar-sh';
import { realStorages, removeFiles } from './real-storages.js';
import { useServers } from './servers.js';
import { storageContract } from './storage.contract.js';

const opened: (() => unknown)[] = [removeFiles];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});
const { describeWith, servers } = useServers();

for (const { breaks, forgets, isAtomic, name, needs, open } of realStorages) {
  describeWith(needs)(name, () => {
    const openOne = async (): Promise<PolarStorage> => {
      const { close, storage } = await open(servers);
      opened.push(close);
      return storage;
    };
    const disconnected = async (): Promise<PolarStorage> => {
      const { close, storage } = await open(servers);
      await close();
      return storage;
    };
    storageContract(openOne, { isAtomic, forgets, ...(breaks && { disconnected }) });
  });
}

it('the storage example in the documentation is the one under test', () => {
  const source = readFileSync(join(__dirname, '../../src/storage/polar-storage.ts'), 'utf8');
  const [, shown = ''] = /```ts\n([\s\S]*?) \* ```/.exec(source) ?? [];
  const normal = (code: string): string => code.replace(/^ \*/gm, '').replace(/\s+/g, '').trim();
  expect(normal(readFileSync(join(__dirname, '../support/in-memory-storage.ts'), 'utf8'))).toContain(
    normal(shown),
  );
});
