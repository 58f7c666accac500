import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TokenRecordStore } from 'passport-polar-sh';
import { redisTokenRecords } from 'passport-polar-sh/redis';
import { hasRedis, startRedis, type TestRedis } from '../support/redis-server.js';

const describeRedis = hasRedis ? describe : describe.skip;
describeRedis('token records in Redis', () => {
  let redis: TestRedis;
  let records: TokenRecordStore;
  beforeAll(async () => {
    redis = await startRedis();
    records = redisTokenRecords({ sendCommand: redis.sendCommand });
  });
  afterAll(() => redis.close());
  const ttlSeconds = 60;

  it('live as long as told, from the last write on', async () => {
    await records.put('three', { generation: 1, sealed: 'x' }, { ttlSeconds: 10 });
    await records.put('three', { generation: 2, sealed: 'y' }, { ttlSeconds: 500 });
    expect(Number(await redis.sendCommand('TTL', 'polar:tokens:three'))).toBeGreaterThan(490);
  });

  it('can have keys of another name', async () => {
    const named = redisTokenRecords({ sendCommand: redis.sendCommand, prefix: 'app1:' });
    await named.put('four', { generation: 1, sealed: 'x' }, { ttlSeconds });
    expect(await redis.sendCommand('EXISTS', 'app1:four')).toBe(1);
    expect(await records.get('four')).toBeUndefined();
  });
});

it('names what it needs', () => {
  for (const options of [{}, undefined, { sendCommand: 7 }])
    expect(() => redisTokenRecords(options as never)).toThrow('redisTokenRecords needs sendCommand');
});

it.each<[unknown, unknown]>([
  [['7', 's'], { generation: 7, sealed: 's' }],
  [[Buffer.from('7'), Buffer.from('s')], { generation: 7, sealed: 's' }],
  [[null, null], undefined],
  [['7', null], undefined],
  [[null, 's'], undefined],
  [[], undefined],
  [null, undefined],
  ['QUEUED', undefined],
])('takes %j for %j', async (answer, record) => {
  const records = redisTokenRecords({ sendCommand: async () => answer });
  expect(await records.get('login')).toEqual(record);
});
