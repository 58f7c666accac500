import { expect, it } from '@jest/globals';
import { LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

it('the request log keeps the newest 10,000 requests', async () => {
  await polar.get('/first');
  await polar.get('/second');
  const { requests } = polar.emulator;
  const [first] = requests;
  if (first === undefined) throw new Error('nothing was logged');
  (requests as (typeof first)[]).push(...Array.from({ length: 9998 }, () => first));
  await polar.get('/last');
  expect(requests).toHaveLength(10_000);
  expect([requests[0]?.path, requests.at(-1)?.path]).toEqual(['/second', '/last']);
});

it('the request log keeps requests with large bodies up to 100 million characters', async () => {
  const { requests } = polar.emulator;
  const body = 'x'.repeat(10_000_000);
  for (let sent = 0; sent < 12; sent++) await polar.send(`/${sent}`, { method: 'POST', body });
  expect(requests.map(({ path }) => path)).toEqual(Array.from({ length: 10 }, (_, index) => `/${index + 2}`));
  polar.emulator.reset();
  await polar.send('/last', { method: 'POST', body });
  expect(requests).toHaveLength(1);
});
