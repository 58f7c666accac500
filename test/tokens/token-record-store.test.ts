/** Every store of token records, held to one contract over the real thing. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pgSession from 'connect-pg-simple';
import { RedisStore } from 'connect-redis';
import session from 'express-session';
import type { TokenRecordStore } from 'passport-polar-sh';
import { redisTokenRecords } from 'passport-polar-sh/redis';
import type { Pool } from 'pg';
import { createClient } from 'redis';
import { newSealingKey, sealerWithKey } from '../../src/tokens/sealing.js';
import { sessionStoreRecords } from '../../src/tokens/session-store-records.js';
import { hasEnded, readRecord } from '../../src/tokens/token-record.js';
import { sqlTokenRecords } from '../docs/background-jobs/token-records.js';
import { inMemoryRecords } from '../support/in-memory-records.js';
import {
  hasPostgres,
  postgresStartMs,
  startPostgres,
  type TestPostgres,
} from '../support/postgres-server.js';
import { connectRedis, type RedisClientName } from '../support/redis-clients.js';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';
import { tokenRecordStoreContract } from './token-record-store.contract.js';

const root = resolve(__dirname, '../..');
const opened: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

describe('token records in the documented example', () => {
  const records = inMemoryRecords();
  tokenRecordStoreContract(() => records, { comparesAndSets: true, forgets: false });

  it('which is the one of the documentation', () => {
    const source = readFileSync(join(root, 'src/tokens/token-record-store.ts'), 'utf8');
    const [, shown = ''] = /```ts\n([\s\S]*?) \* ```/.exec(source) ?? [];
    const normal = (code: string): string => code.replace(/^ \*/gm, '').replace(/\s+/g, ' ').trim();
    expect(normal(readFileSync(join(root, 'test/support/in-memory-records.ts'), 'utf8'))).toContain(
      normal(shown),
    );
  });
});

describe('token records in express-session’s MemoryStore', () => {
  const store = new session.MemoryStore();
  tokenRecordStoreContract(() => sessionStoreRecords(store), { comparesAndSets: false, forgets: true });
});

const describeRedis = hasRedis ? describe : describe.skip;
describeRedis('token records in Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
    opened.push(() => redis.close());
  });

  describe('through connect-redis', () => {
    const connect = async () => {
      const client = createClient({ url: redis.url });
      client.on('error', () => {});
      await client.connect();
      opened.push(() => client.isOpen && client.destroy());
      return { client, records: sessionStoreRecords(new RedisStore({ client })) };
    };
    tokenRecordStoreContract(async () => (await connect()).records, {
      comparesAndSets: false,
      forgets: true,
      disconnected: async () => {
        const { client, records } = await connect();
        client.destroy();
        return records;
      },
    });
  });

  describe.each<RedisClientName>(['node-redis', 'ioredis'])('through %s', (name) => {
    const connect = async () => {
      const connection = await connectRedis(name, redis.url);
      opened.push(() => connection.close());
      return connection;
    };
    tokenRecordStoreContract(async () => redisTokenRecords(await connect()), {
      comparesAndSets: true,
      forgets: true,
      disconnected: async () => {
        const connection = await connect();
        connection.close();
        return redisTokenRecords(connection);
      },
    });

    // A client whose server is away may keep commands until it is back.
    it('are not none while it does not answer', async () => {
      const place = {
        loginId: 'asked-in-vain',
        sealer: sealerWithKey(newSealingKey()),
        records: redisTokenRecords(await connect()),
        ttlSeconds: 60,
        storeTimeoutMs: 100,
      };
      redis.pause();
      try {
        await expect(readRecord(place)).rejects.toThrow('took longer than 100 ms');
        await expect(hasEnded(place)).rejects.toThrow('took longer than 100 ms');
      } finally {
        redis.resume();
      }
      expect(await readRecord({ ...place, storeTimeoutMs: 10_000 })).toBeUndefined();
    });
  });

  it('are written with plain commands, which harm nobody on a shared connection', async () => {
    const commands = new Set<string>();
    const records = redisTokenRecords({
      sendCommand: (...command) => {
        commands.add(command[0]);
        return redis.sendCommand(...command);
      },
    });
    for (const generation of [1, 2, 1])
      await records.put('watched', { generation, sealed: 'x' }, { ttlSeconds: 60 });
    await records.get('watched');
    expect([...commands].sort()).toEqual(['EVAL', 'HMGET']);
  });
});

const describePostgres = hasPostgres ? describe : describe.skip;
describePostgres('token records in PostgreSQL', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
    opened.push(() => postgres.close());
    const tables = [
      join(root, 'test/docs/background-jobs/tables.sql'),
      require.resolve('connect-pg-simple/table.sql'),
    ];
    for (const file of tables) await postgres.pool().query(readFileSync(file, 'utf8'));
  }, postgresStartMs);
  /** Records over a server that is not there (any more). */
  const disconnected = (recordsOver: (pool: Pool) => TokenRecordStore) => async () => {
    const gone = postgres.pool({ host: '127.0.0.1', port: 1, connectionString: undefined });
    return recordsOver(gone);
  };

  describe('in a table of the app’s own, as the guide shows', () => {
    tokenRecordStoreContract(() => sqlTokenRecords(postgres.pool()), {
      comparesAndSets: true,
      forgets: true,
      disconnected: disconnected(sqlTokenRecords),
    });
  });

  describe('through connect-pg-simple', () => {
    const PgStore = pgSession(session);
    const recordsOver = (pool: Pool) =>
      sessionStoreRecords(new PgStore({ pool, pruneSessionInterval: false }));
    // With one connection, what is asked at once is answered in turns, so that the test has one outcome.
    tokenRecordStoreContract(() => recordsOver(postgres.pool({ max: 1 })), {
      comparesAndSets: false,
      forgets: true,
      disconnected: disconnected(recordsOver),
    });
  });
});
