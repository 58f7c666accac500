/** What a process knows of logins: how many it remembers, and what it makes of records that it cannot open. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PolarOAuthError, PolarTransientError } from '../../src/errors.js';
import { loginExpired, recordsUnreadable } from '../../src/refresh/login-errors.js';
import type { LoginHandle } from '../../src/refresh/login-handle.js';
import { LoginKnowledge } from '../../src/refresh/login-knowledge.js';
import { inProcessLock } from '../../src/refresh/refresh-lock.js';
import { TokenKeeper } from '../../src/refresh/token-keeper.js';
import { sealerWithKeys } from '../../src/tokens/sealing.js';
import { hasEnded, readRecord, writeRecord } from '../../src/tokens/token-record.js';
import type { TokenSet } from '../../src/tokens/token-set.js';
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

describe('a record that only processes with another key can open', () => {
  const theirs = sealerWithKeys(['theirs'], 'token records');
  const ours = sealerWithKeys(['ours'], 'token records');
  let place: LoginHandle;
  let told: Told[];
  interface Told {
    readonly event: string;
    readonly error?: unknown;
  }
  const listen = (message: unknown): void => void told.push(message as Told);
  const channels = ['passport-polar-sh:refresh', 'passport-polar-sh:logout'];

  beforeEach(async () => {
    place = { ...handleOf('a login', 1), records: inMemoryRecords(), sealer: ours };
    told = [];
    for (const channel of channels) subscribe(channel, listen);
    const { facts, mintedAt, tokens } = place;
    await writeRecord({ ...place, facts, sealer: theirs }, { generation: 2, tokens, mintedAt });
  });
  afterEach(() => {
    for (const channel of channels) unsubscribe(channel, listen);
  });

  it('is an outage where it is newer than what is known, and says what to do', async () => {
    const knowledge = new LoginKnowledge();
    for (const look of [knowledge.current(place), knowledge.rereadOrRecall(place)]) {
      const error = await look.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(PolarTransientError);
      expect(error).toMatchObject({ code: 'server_error', cause: { name: 'UnopenableRecordError' } });
      expect((error as Error).message).toBe(
        'The token record is sealed with a key that is not among the encryptionKeys of this process. Give all processes the same ones.',
      );
    }
    expect(told.map(({ event }) => event)).toEqual(['record-unreadable', 'record-unreadable']);
  });

  it.each([2, 3])('is nothing to one who knows as much: generation %i', async (generation) => {
    const same = { ...place, generation };
    expect(await new LoginKnowledge().rereadOrRecall(same)).toMatchObject({
      generation,
      tokens: place.tokens,
    });
  });

  it('stands in for tokens that are recorded beside it, without an end to trying', async () => {
    const { mintedAt } = place;
    const knowledge = new LoginKnowledge();
    const news = { generation: 2, tokens: tokensOf('new'), mintedAt };
    const late = jest.fn(async () => {});
    expect(await knowledge.recordTokens(place, news, late)).toMatchObject(news);
    expect(late).not.toHaveBeenCalled();
    expect(told).toEqual([]);
  });

  it('does not keep the login from being ended, and that its tokens live on is told', async () => {
    const knowledge = new LoginKnowledge();
    expect(await knowledge.recordEnd(place, async () => {})).toBeUndefined();
    expect(told).toMatchObject([{ event: 'revocation-failed', loginId: 'a login' }]);
    expect(await hasEnded(place)).toBe(true);
    expect((await new LoginKnowledge().rereadOrRecall(place)).tokens).toBeUndefined();
  });

  it('does not keep a login from being ended of which nothing can be opened', async () => {
    const knowledge = new LoginKnowledge();
    await knowledge.recordEndUnopened(place);
    expect(await hasEnded(place)).toBe(true);
    expect(knowledge.peek('a login')).toMatchObject({ tokens: undefined });
  });

  it('is told from a store that is down, without which what is known counts', async () => {
    const down = { ...place, records: { ...place.records, get: () => Promise.reject(new Error('down')) } };
    expect(await new LoginKnowledge().rereadOrRecall(down)).toMatchObject({ tokens: place.tokens });
    const knowledge = new LoginKnowledge();
    const endedLate = knowledge.recordEnd(down, async () => {});
    expect(await endedLate).toBeUndefined();
    expect(told.map(({ event }) => event)).toContain('record-not-written');
  });
});

describe('a keeper over records', () => {
  const sealer = sealerWithKeys(['ours'], 'token records');
  const revoke = jest.fn(async () => {});
  const keeperThat = (refresh: () => Promise<TokenSet>): TokenKeeper =>
    new TokenKeeper({ refresh, revoke, lock: inProcessLock(), now: () => 0, leewayMs: 0, timeoutMs: 1000 });
  const refuses = (error: Error) => () => Promise.reject(error);
  let login: LoginHandle;
  beforeEach(() => {
    revoke.mockClear();
    login = { ...handleOf('first'), records: inMemoryRecords(), sealer };
  });

  it('records a login as it happened, for other processes to find', async () => {
    await keeperThat(refuses(new Error('no'))).recordFirst(login);
    expect(await readRecord(login)).toMatchObject({ generation: 0, tokens: login.tokens });
  });

  it('ends one of which nothing can be opened, in all of them', async () => {
    await keeperThat(refuses(new Error('no'))).endUnopened(login);
    expect(await hasEnded(login)).toBe(true);
  });

  it('revokes what it ends once, however often it is ended', async () => {
    const keeper = keeperThat(refuses(new Error('no')));
    for (let time = 0; time < 3; time++) await keeper.end(login);
    expect(revoke.mock.calls).toEqual([[login.tokens, true]]);
  });

  it('takes a refusal of its client for no end of the login', async () => {
    const error = new PolarOAuthError('invalid_client', 'wrong secret', {
      error: 'invalid_client',
      httpStatus: 401,
    });
    const keeper = keeperThat(refuses(error));
    const expired = { ...login, tokens: { ...login.tokens, expiresAt: -1 } };
    await expect(keeper.validTokens(expired)).rejects.toBe(error);
    expect(await keeper.isAlive(expired)).toBe(true);
  });
});

describe('what is said of a login that is over', () => {
  it('names the reason', () => {
    expect(loginExpired().message).toContain('it was revoked there or has expired');
    expect(loginExpired(undefined, true).message).toContain('got lost on the way');
    expect(recordsUnreadable(new Error('down')).message).toBe(
      'The token records cannot be read. Try again later.',
    );
  });
});
