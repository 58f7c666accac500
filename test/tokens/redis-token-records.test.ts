import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TokenRecordStore } from 'passport-polar';
import { redisTokenRecords } from 'passport-polar/redis';
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
  expect(() => redisTokenRecords({} as never)).toThrow('redisTokenRecords needs sendCommand');
});
