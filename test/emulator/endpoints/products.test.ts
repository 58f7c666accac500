import { describe, expect, it } from '@jest/globals';
import type { models as models04 } from '@polar-sh/sdk/2026-04';
import type { models as models10 } from '@polar-sh/sdk/2026-10';
import type { models as models01 } from '@polar-sh/sdk/2027-01';
import { ACME, ENGINES, LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();
const ANVIL = '33333330-3333-4333-8333-333333333333';

const tokenOf = (user = 'ada@example.com', scope = 'products:read', organization?: string) =>
  polar.emulator.issueTokens({
    clientID: polar.register({ scope }).clientID,
    user,
    scope,
    ...(organization !== undefined && { organization }),
  }).accessToken;
async function namesOf(query = '', token = tokenOf()): Promise<string[]> {
  const { json } = await polar.get(`/v1/products/${query}`, token);
  return (json['items'] as { name: string }[]).map(({ name }) => name);
}

describe('the list of products', () => {
  it('contains the products of all organizations of the user, newest first', async () => {
    expect(await namesOf()).toEqual(['Punch cards', 'Rocket fuel', 'Anvil']);
    expect(await namesOf('', tokenOf('katherine@example.com'))).toEqual([]);
  });

  it('contains only products of the organization to which the token is limited', async () => {
    expect(await namesOf('', tokenOf('ada@example.com', 'products:read', ENGINES))).toEqual(['Punch cards']);
  });

  it.each([
    ['?sorting=created_at', ['Anvil', 'Rocket fuel', 'Punch cards']],
    ['?sorting=name', ['Anvil', 'Punch cards', 'Rocket fuel']],
    ['?sorting=-price_amount', ['Anvil', 'Rocket fuel', 'Punch cards']],
    ['?sorting=price_amount_type&sorting=-name', ['Rocket fuel', 'Punch cards', 'Anvil']],
    [`?organization_id=${ACME}`, ['Rocket fuel', 'Anvil']],
    [`?id=${ANVIL}&id=${ACME}`, ['Anvil']],
    ['?query=FUEL', ['Rocket fuel']],
    ['?limit=2&page=2', ['Anvil']],
  ])('can be requested with %s', async (query, names) => {
    expect(await namesOf(query)).toEqual(names);
  });

  it('returns the number of its pages', async () => {
    const { json } = await polar.get('/v1/products/?limit=2', tokenOf());
    expect(json['pagination']).toEqual({ total_count: 3, max_page: 2 });
  });

  it('reports all invalid parameters of a request', async () => {
    const { status, json } = await polar.get('/v1/products/?sorting=slug&page=0&id=x', tokenOf());
    expect(status).toBe(422);
    expect((json['detail'] as { loc: unknown[] }[]).map(({ loc }) => loc)).toEqual([
      ['query', 'page'],
      ['query', 'sorting', 0],
      ['query', 'id'],
    ]);
  });

  it('does not ignore an unknown filter', async () => {
    expect((await polar.get('/v1/products/?visibility=private', tokenOf())).status).toBe(501);
  });
});

describe('a product', () => {
  it('is found by its id with access to its organization', async () => {
    const { json } = await polar.get(`/v1/products/${ANVIL}`, tokenOf());
    expect(json).toMatchObject({ id: ANVIL, name: 'Anvil', organization_id: ACME, recurring_interval: null });
    const grace = await polar.get(`/v1/products/${ANVIL}`, tokenOf('grace@example.com'));
    expect([grace.status, grace.json]).toEqual([404, { error: 'ResourceNotFound', detail: 'Not found' }]);
    expect((await polar.get('/v1/products/x', tokenOf())).status).toBe(422);
  });

  // The compiler checks that these are the fields in all three versions of Polar's SDK.
  type Product = models04.Product & models10.Product & models01.Product;
  const fields: Record<keyof Product, true> = {
    id: true,
    created_at: true,
    modified_at: true,
    trial_interval: true,
    trial_interval_count: true,
    name: true,
    description: true,
    visibility: true,
    recurring_interval: true,
    recurring_interval_count: true,
    meter_interval: true,
    meter_interval_count: true,
    is_recurring: true,
    is_archived: true,
    organization_id: true,
    metadata: true,
    is_deletable: true,
    prices: true,
    benefits: true,
    medias: true,
    attached_custom_fields: true,
  };
  type Price = models04.ProductPriceFixed & models10.ProductPriceFixed & models01.ProductPriceFixed;
  const priceFields: Record<keyof Price, true> = {
    created_at: true,
    modified_at: true,
    id: true,
    source: true,
    amount_type: true,
    price_currency: true,
    tax_behavior: true,
    is_archived: true,
    product_id: true,
    price_amount: true,
  };

  it.each(['2026-04', '2026-10', '2027-01'])('has the fields of Polar’s SDK for %s', async (version) => {
    const headers = { authorization: `Bearer ${tokenOf()}`, 'polar-version': version };
    const { json } = await polar.send(`/v1/products/${ANVIL}`, { headers });
    expect(Object.keys(json).sort()).toEqual(Object.keys(fields).sort());
    const [price] = json['prices'] as object[];
    expect(Object.keys(price ?? {}).sort()).toEqual(
      [...Object.keys(priceFields), 'type', 'recurring_interval'].sort(),
    );
  });
});
