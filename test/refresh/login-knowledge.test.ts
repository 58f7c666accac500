/** How much a process remembers of logins, seen from outside: which of them cost a look at their record. */
import { describe, expect, it } from '@jest/globals';
import type { LoginHandle } from '../../src/refresh/login-handle.js';
import { LoginKnowledge } from '../../src/refresh/login-knowledge.js';
import { inMemoryRecords } from '../support/in-memory-records.js';

const looks: string[] = [];
const records = {
  ...inMemoryRecords(),
  get: async (name: string) => {
    looks.push(name);
    return undefined;
  },
};
const tokensOf = (name: string) => ({ accessToken: `access-${name}`, refreshToken: 'r', scopes: [] });

function handleOf(loginId: string, generation = 0): LoginHandle {
  return {
    loginId,
    generation,
    tokens: tokensOf(`${loginId}-${generation}`),
    mintedAt: 0,
    facts: { subject: 's', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' },
    sealer: { seal: async () => 'sealed', unseal: async () => undefined, lacksKeyOf: () => false },
    records,
    ttlSeconds: 60,
    storeTimeoutMs: 1000,
  };
}

/** Whether what is known of a login has to be read. */
async function isRead(knowledge: LoginKnowledge, login: LoginHandle): Promise<boolean> {
  looks.length = 0;
  const { tokens } = await knowledge.current(login);
  expect(tokens).toEqual(login.tokens);
  return looks.length > 0;
}

describe('a process that knows 10,000 logins', () => {
  const known = 10_000;
  const knowledge = new LoginKnowledge();
  for (let index = 0; index < known; index++) {
    const login = handleOf(`login-${index}`);
    knowledge.learn(login.loginId, knowledge.recall(login));
  }
  const nth = (index: number): LoginHandle => handleOf(`login-${index}`);

  it('still knows all of them', async () => {
    expect(await isRead(knowledge, nth(0))).toBe(false);
    expect(await isRead(knowledge, nth(known - 1))).toBe(false);
  });

  it('forgets for one more the one that was not asked for the longest time, and reads it again', async () => {
    expect(await isRead(knowledge, nth(known))).toBe(true);
    expect(await isRead(knowledge, nth(0))).toBe(false); // the test before asked for it
    expect(await isRead(knowledge, nth(1))).toBe(true);
    expect(await isRead(knowledge, nth(1))).toBe(false);
  });

  it('has never more than those in its memory', async () => {
    for (let index = 0; index < 2 * known; index++) await knowledge.current(handleOf(`later-${index}`));
    let remembered = 0;
    for (let index = known - 1; index >= 0; index--)
      if (!(await isRead(knowledge, handleOf(`later-${known + index}`)))) remembered++;
    expect(remembered).toBe(known);
    expect(await isRead(knowledge, nth(0))).toBe(true);
  });
});

describe('a login that comes with newer tokens than are known', () => {
  it('is believed, without another look', async () => {
    const knowledge = new LoginKnowledge();
    expect(await isRead(knowledge, handleOf('one', 1))).toBe(true);
    const newer = handleOf('one', 2);
    expect(knowledge.recall(newer).tokens).toEqual(newer.tokens);
  });

  it('but not one with older tokens', async () => {
    const knowledge = new LoginKnowledge();
    const newer = handleOf('one', 2);
    knowledge.learn('one', knowledge.recall(newer));
    knowledge.learn('one', knowledge.recall(handleOf('one', 1)));
    expect(knowledge.recall(handleOf('one')).tokens).toEqual(newer.tokens);
    expect(knowledge.recall(handleOf('one')).generation).toBe(2);
  });
});
