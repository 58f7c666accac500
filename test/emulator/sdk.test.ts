import { describe, expect, it } from '@jest/globals';
import { Polar } from 'polar-sdk-0';
import { ACME, LocalPolar } from './support/local-polar';

const polar = new LocalPolar();

/** Polar's own SDK with the emulator as its server. */
const sdk = (scope: string) => {
  const accessToken = polar.issue({ scope });
  return new Polar({ serverURL: polar.emulator.url, accessToken: async () => accessToken });
};

describe('@polar-sh/sdk 0.49', () => {
  it('lists organizations page by page', async () => {
    const slugs: string[] = [];
    for await (const page of await sdk('organizations:read').organizations.listOrganizations({ limit: 1 })) {
      slugs.push(...page.result.items.map(({ slug }) => slug));
    }
    expect(slugs).toEqual(['acme', 'analytical-engines']);
  });

  it('reads a single organization', async () => {
    const organization = await sdk('organizations:read').organizations.get({ id: ACME });
    expect(organization).toMatchObject({ id: ACME, name: 'acme', status: 'active' });
  });

  it('gets the error for a missing scope', async () => {
    const listing = sdk('openid').organizations.listOrganizations({});
    await expect(listing).rejects.toMatchObject({
      statusCode: 403,
      body: expect.stringContaining('insufficient_scope'),
    });
  });

  it('gets the errors for an invalid request and a missing organization', async () => {
    const { organizations } = sdk('organizations:read');
    await expect(organizations.listOrganizations({ page: 0 })).rejects.toMatchObject({
      name: 'HTTPValidationError',
      statusCode: 422,
    });
    await expect(organizations.get({ id: ACME.replace('4222', '4333') })).rejects.toMatchObject({
      name: 'ResourceNotFound',
      statusCode: 404,
    });
  });
});
