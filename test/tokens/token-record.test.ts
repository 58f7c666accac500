/** The record of a login as it is stored, sealed, and what becomes of one that was changed. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  firstOf,
  newSealingKey,
  type Sealer,
  sealerWithKey,
  sealerWithKeys,
} from '../../src/sealing/sealer.js';
import { GuardedStorage } from '../../src/storage/guarded-storage.js';
import {
  type LoginFacts,
  openLogin,
  openRecord,
  parseLoginFacts,
  type SealedRecordPlace,
  sealRecord,
  type TokenRecord,
  UnopenableRecordError,
} from '../../src/tokens/token-record.js';
import { tombstone } from '../../src/tokens/tombstone.js';
import { inMemoryStorage } from '../support/in-memory-storage.js';

const ttlSeconds = 3600;
const tokensOf = (name: string) => ({
  accessToken: `a-${name}`,
  refreshToken: `r-${name}`,
  expiresAt: 7,
  scopes: ['openid'],
});
const recordOf = (generation: number): TokenRecord => ({
  generation,
  tokens: tokensOf(String(generation)),
  issuedAt: 1_000_000 + generation,
});
const facts: LoginFacts = { subject: 'sub', nonce: 'n', clientID: 'c', server: 'https://api.polar.sh' };
const newSealer = () => sealerWithKey(newSealingKey());

describe('the record of a login', () => {
  let place: SealedRecordPlace & { readonly facts: LoginFacts };
  beforeEach(() => {
    place = {
      loginId: 'login-1',
      facts,
      sealer: newSealer(),
      storage: new GuardedStorage(inMemoryStorage(), 1000),
      ttlSeconds,
    };
  });
  /** A row with this content, sealed as a record of generation 1. */
  const rowWith = (content: unknown) => ({
    version: 1,
    value: place.sealer.seal(content, 'token-record:login-1:1'),
  });

  it('does not exist without a row', () => {
    expect(openRecord(place, undefined)).toBeUndefined();
    expect(openLogin(place, undefined)).toBeUndefined();
  });

  it('opens as it was sealed', () => {
    expect(openRecord(place, sealRecord(place, recordOf(1)))).toEqual(recordOf(1));
  });

  it('shows the store its generation and nothing else', () => {
    const row = sealRecord(place, recordOf(1));
    expect(row).toEqual({ version: 1, value: expect.any(String) });
    const parts = row.value.split('.').map((part) => Buffer.from(part, 'base64url').toString());
    expect(parts.join(' ')).not.toMatch(/a-1|r-1/);
  });

  it('contains the facts of the login, for work outside a request', () => {
    const row = sealRecord({ ...place, ttlSeconds: 77 }, recordOf(1));
    expect(openLogin(place, row)).toEqual({
      ...place,
      facts,
      initial: recordOf(1),
      recordsFromStart: true,
      ttlSeconds: 77,
    });
  });

  it('lives as long as its place if it has no lifetime of its own', () => {
    const row = rowWith({ tokens: tokensOf('1'), facts });
    expect(openLogin(place, row)).toMatchObject({ ttlSeconds });
  });

  it.each(['subject', 'nonce', 'clientID', 'server'] as const)(
    'does not suffice for work outside a request without %s',
    (name) => {
      const row = sealRecord({ ...place, facts: { ...facts, [name]: undefined as never } }, recordOf(1));
      expect(openLogin(place, row)).toBeUndefined();
      expect(openRecord(place, row)).toEqual(recordOf(1));
    },
  );

  it('is invalid without tokens', () => {
    expect(openLogin(place, rowWith({ facts }))).toBeUndefined();
  });

  it('does not open with another key', () => {
    const row = sealRecord(place, recordOf(1));
    expect(openRecord({ ...place, sealer: newSealer() }, row)).toBeUndefined();
  });

  it('cannot replace the record of another login', () => {
    const row = sealRecord(place, recordOf(1));
    expect(openRecord({ ...place, loginId: 'login-2' }, row)).toBeUndefined();
  });

  it('cannot replace a newer record', () => {
    const row = sealRecord(place, recordOf(1));
    expect(openRecord(place, { ...row, version: 2 })).toBeUndefined();
  });

  it('counts as unreadable, not as missing, if its key is missing', () => {
    const [one, two] = ['one', 'two'].map((key) => sealerWithKeys([key], 'records')) as [Sealer, Sealer];
    const row = sealRecord({ ...place, sealer: one }, recordOf(1));
    expect(() => openRecord({ ...place, sealer: two }, row)).toThrow(UnopenableRecordError);
    const opening = () => openLogin({ ...place, sealer: two }, row);
    expect(opening).toThrow(expect.objectContaining({ name: 'UnopenableRecordError', generation: 1 }));
    expect(opening).toThrow(/encryptionKeys/);
    const both = { ...place, sealer: firstOf([two, newSealer()]) };
    expect(() => openRecord(both, row)).toThrow(UnopenableRecordError);
    expect(openRecord({ ...place, sealer: firstOf([two, one]) }, row)).toEqual(recordOf(1));
    const damaged = { ...row, value: row.value.slice(0, -5) };
    expect(openRecord({ ...place, sealer: firstOf([one, newSealer()]) }, damaged)).toBeUndefined();
  });

  it.each([[null], ['text'], [7], [[]], [{}], [{ tokens: null }], [{ tokens: { accessToken: '' } }]])(
    'is invalid if it holds %j',
    (content) => {
      expect(openRecord(place, rowWith(content))).toBeUndefined();
    },
  );

  it('has no time of issue if that is not a number', () => {
    const row = rowWith({ tokens: tokensOf('1'), issuedAt: 'yesterday' });
    expect(openRecord(place, row)).toEqual({
      generation: 1,
      tokens: tokensOf('1'),
      issuedAt: undefined,
    });
  });

  it('cannot be made from a tombstone', () => {
    expect(openRecord(place, tombstone('logged_out'))).toBeUndefined();
  });
});

describe('the facts of a login', () => {
  it('are parsed without unknown fields', () => {
    expect(parseLoginFacts({ ...facts, more: 1 })).toEqual(facts);
  });

  it.each([[undefined], [null], [7], [{}], [{ ...facts, nonce: '' }], [{ ...facts, server: 7 }]])(
    'are invalid if they are %j',
    (value) => {
      expect(parseLoginFacts(value)).toBeUndefined();
    },
  );
});
