import { expect, it } from '@jest/globals';
import { inTurn } from '../../src/passport/in-turn.js';

it('one at a time works on a session, also who comes late, and other sessions do not wait', async () => {
  const store = {};
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string, sid = 'one') =>
    inTurn(store, sid, () => {
      log.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string): Promise<void> => {
    ends.get(name)?.();
    for (let turn = 0; turn < 10; turn++) await null;
  };
  void work('first');
  void work('second');
  void work('elsewhere', 'other');
  await end('nobody');
  expect(log).toEqual(['first', 'elsewhere']);
  await end('first');
  void work('third');
  await end('nobody');
  expect(log).toEqual(['first', 'elsewhere', 'second']);
  await end('second');
  await end('third');
  void work('fourth');
  await end('nobody');
  expect(log).toEqual(['first', 'elsewhere', 'second', 'third', 'fourth']);
});
