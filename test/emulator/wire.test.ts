import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { type WireCase, WireReplay } from './support/wire-replay';

const { cases } = JSON.parse(readFileSync(join(__dirname, 'polar-wire.json'), 'utf8')) as {
  cases: readonly WireCase[];
};

const ACME = '22222220-2222-4222-8222-222222222222';

/** Prepares the state of cases to which no recorded request leads. */
const PREPARATIONS: Readonly<Record<string, (emulator: PolarEmulator, replay: WireReplay) => void>> = {
  'userinfo.expired': (emulator, replay) => {
    const clientID = replay.bound('<client_id:1>');
    const tokens = emulator.issueTokens({ clientID, user: emulator.user, scope: 'openid', expired: true });
    replay.bind('<access_token:3>', tokens.accessToken);
    replay.bind('<refresh_token:3>', tokens.refreshToken ?? '');
  },
  'authorize.deny': (emulator) => {
    emulator.consent = 'deny';
  },
  'token.authorization_code.expired_code': (emulator) => {
    emulator.advanceTime(302);
  },
  // Recorded by changing the row of an ordinary token in the database.
  'introspect.legacy_organization': (emulator, replay) => {
    const clientID = replay.bound('<client_id:1>');
    const scope = 'openid email';
    const tokens = emulator.issueTokens({
      clientID,
      user: emulator.user,
      scope,
      subType: 'organization',
      organization: ACME,
    });
    expect(tokens.accessToken).toMatch(/^polar_at_o_[0-9A-Za-z]{43}$/);
    replay.bind('<access_token:13>', tokens.accessToken);
    replay.bind('<refresh_token:13>', tokens.refreshToken ?? '');
  },
  // Polar allows the web grant to its own apps only.
  'token.web.user': (emulator, replay) => {
    emulator.updateClient(replay.bound('<client_id:1>'), {
      grantTypes: ['authorization_code', 'refresh_token', 'web'],
    });
    replay.bind('<session_token:1>', emulator.createSession(emulator.user));
  },
};

const WRONG_VERIFIERS: Readonly<Record<string, string>> = {
  'token.authorization_code.bad_verifier': 'another-verifier-that-is-long-enough-for-rfc-7636-0',
};

describe('the emulator', () => {
  let emulator: PolarEmulator;
  let replay: WireReplay;

  beforeAll(async () => {
    // The version that was Polar's default when this was recorded.
    emulator = await startPolarEmulator({ defaultAPIVersion: '2026-04' });
    replay = new WireReplay(emulator);
  });
  afterAll(() => emulator.close());

  it('knows all recorded cases', () => {
    const names = cases.map(({ name }) => name);
    expect(names).toHaveLength(92);
    expect(names).toEqual(expect.arrayContaining(Object.keys({ ...PREPARATIONS, ...WRONG_VERIFIERS })));
  });

  it.each(cases.map((wireCase) => [wireCase.name, wireCase] as const))(
    'responds to %s as recorded',
    async (name, wireCase) => {
      emulator.consent = 'auto';
      await replay.obtainCodes(wireCase);
      PREPARATIONS[name]?.(emulator, replay);
      await replay.replay(wireCase, WRONG_VERIFIERS[name]);
    },
  );
});
