/** Every operation, for every refusal that was recorded. */
import { describe, expect, it } from '@jest/globals';
import { PolarOAuthError } from 'passport-polar-sh';
import { CALLBACK, failureOf, PolarWorld, VERIFIER } from './support/polar-world.js';
import { errorCases, saidIn } from './support/recorded-cases.js';

const world = new PolarWorld();
const METADATA = { clientName: 'Example app', redirectURIs: [CALLBACK] };

// Polar would not send some of these responses to these calls; a proxy or another provider might.
const operations: Readonly<Record<string, () => Promise<unknown>>> = {
  exchangeCode: () =>
    world
      .as(world.own)
      .exchangeCode({ code: 'polar_ac_1234567', redirectURI: CALLBACK, codeVerifier: VERIFIER }),
  refresh: () => world.as(world.own).refresh(world.tokens()),
  exchangeWebSession: () => world.as(world.own).exchangeWebSession({ sessionToken: world.session() }),
  revoke: () => world.as(world.own).revoke(world.tokens().refreshToken),
  introspect: () => world.as(world.own).introspect(world.tokens().accessToken),
  userInfo: () => world.as(world.own).userInfo(world.tokens().accessToken),
  register: () => world.as(world.own).registrations.register(METADATA),
  readRegistration: () => world.as(world.own).registrations.readRegistration(world.own),
  updateRegistration: () => world.as(world.own).registrations.updateRegistration(world.own, METADATA),
  deleteRegistration: () => world.as(world.own).registrations.deleteRegistration(world.own),
};
const endpoints = ['token', 'revoke', 'introspect', 'userinfo', 'register', 'api'] as const;

describe.each(Object.keys(operations))(
  'client.%s turns a recorded refusal into a typed error',
  (operation) => {
    it.each(
      errorCases.filter(({ response }) => response.status >= 400).map((one) => [one.name, one] as const),
    )('in the case %s', async (_name, one) => {
      const { status, body } = one.response;
      for (const endpoint of endpoints) world.emulator.fail(endpoint, { status, body });
      const error = await failureOf(operations[operation]?.() ?? Promise.resolve());
      expect(error).toBeInstanceOf(PolarOAuthError);
      expect(error).toMatchObject(JSON.parse(JSON.stringify(saidIn(one))));
      world.expectNoSecretIn(error);
    });
  },
);
