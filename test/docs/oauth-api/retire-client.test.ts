import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PolarOAuthClient } from 'passport-polar-sh';
import { type PolarEmulator, type PolarEmulatorClient, startPolarEmulator } from 'passport-polar-sh/emulator';
import { retireClient } from './retire-client';

let polar: PolarEmulator;
let registration: PolarEmulatorClient;
let client: PolarOAuthClient;
beforeEach(async () => {
  polar = await startPolarEmulator();
  registration = polar.registerClient({ redirectURIs: ['http://localhost:3000/auth/polar/callback'] });
  const { clientID, clientSecret } = registration;
  client = new PolarOAuthClient({ clientID, clientSecret, server: polar.server });
});
afterEach(() => polar.close());

const issueTokens = () =>
  polar.issueTokens({ clientID: registration.clientID, user: 'ada@example.com', scope: 'openid' });

test('no token of a client works after its tokens are revoked and the client is deleted', async () => {
  const [one, other] = [issueTokens(), issueTokens()];
  await retireClient(client, registration, [one.accessToken, other.refreshToken ?? '']);
  for (const { accessToken, refreshToken = '' } of [one, other]) {
    await expect(client.userInfo(accessToken)).rejects.toMatchObject({ code: 'invalid_token' });
    await expect(client.refresh({ refreshToken })).rejects.toMatchObject({ code: 'invalid_client' });
  }
  await expect(client.registrations.readRegistration(registration)).rejects.toMatchObject({
    code: 'invalid_client',
  });
});

test('a deleted client can neither revoke nor refresh its tokens', async () => {
  const { accessToken, refreshToken = '' } = issueTokens();
  await client.registrations.deleteRegistration(registration);
  for (const attempt of [
    () => client.revoke(accessToken),
    () => client.revoke(refreshToken),
    () => client.refresh({ refreshToken }),
  ])
    await expect(attempt()).rejects.toMatchObject({ code: 'invalid_client' });
});
