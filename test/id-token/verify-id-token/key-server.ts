/** Keys at a server, and id_tokens to verify with them. */
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect } from '@jest/globals';
import { PolarIdTokenError } from '../../../src/errors.js';
import { type VerifyIdTokenOptions, verifyIdToken } from '../../../src/id-token/verify-id-token.js';
import {
  answersJSON,
  type MisbehavingServer,
  startMisbehavingServer,
} from '../../support/misbehaving-server.js';
import { rsaKey, signIdToken } from '../../support/sign-id-token.js';

export const key = rsaKey();
export const otherKey = rsaKey();
export const attackerKey = rsaKey();

export const nowSeconds = 1_800_000_000;
export const accessToken = 'polar_at_u_1';
export const payload = {
  iss: 'https://polar.sh',
  sub: 'user-1',
  aud: ['polar_ci_1'],
  exp: nowSeconds + 3600,
  iat: nowSeconds,
  nonce: 'nonce-1',
  at_hash: createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url'),
  email: 'hidden@example.com',
};

export const goodToken = (): string => signIdToken(key, { payload });

/** A server that publishes `key`, new for each test of a file. */
export class KeyServer {
  server!: MisbehavingServer;
  #options!: VerifyIdTokenOptions;

  constructor() {
    beforeEach(async () => {
      this.server = await startMisbehavingServer();
      this.publish(key.jwk);
      this.#options = {
        clientID: 'polar_ci_1',
        nonce: 'nonce-1',
        accessToken,
        server: { webURL: this.server.url, apiURL: this.server.url },
        now: () => nowSeconds * 1000,
        // Each test has its own fetch, since all calls with one fetch share their key sets.
        fetch: (input, init) => fetch(input, init),
      };
    });
    afterEach(() => this.server.close());
  }

  publish(...keys: unknown[]): void {
    this.server.behave(answersJSON({ keys }));
  }

  verify(token: string, more: Partial<VerifyIdTokenOptions> = {}) {
    return verifyIdToken(token, { ...this.#options, ...more });
  }

  /** The error with which a token is refused. */
  async refusal(token: string, more: Partial<VerifyIdTokenOptions> = {}): Promise<PolarIdTokenError> {
    const error = await this.verify(token, more).then(
      () => new Error('the token was accepted'),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(PolarIdTokenError);
    const refused = error as PolarIdTokenError;
    expect(refused.message).toMatch(/^The id_token [a-z].+\.$/);
    return refused;
  }
}
