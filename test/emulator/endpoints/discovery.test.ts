import { expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

it('the discovery endpoint lists only addresses of the emulator', async () => {
  const { json, headers } = await polar.get('/.well-known/openid-configuration');
  expect([json['issuer'], headers.get('cache-control')]).toEqual(['https://polar.sh', 'private, no-store']);
  const addresses = Object.entries(json).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name));
  expect(addresses).toHaveLength(7);
  for (const [, address] of addresses) expect(address).toContain(`${polar.emulator.url}/`);
  const other = await polar.get('/.well-known/oauth-authorization-server');
  expect([other.status, other.json]).toEqual([404, { detail: 'Not Found' }]);
});
