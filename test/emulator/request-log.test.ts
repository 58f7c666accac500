import { expect, it } from '@jest/globals';
import { LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

it('the newest 10,000 requests are kept', async () => {
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
