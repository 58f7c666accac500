import { describe, expect, it } from '@jest/globals';
import { ACME, ENGINES, LocalPolar, type Reply, slugs } from '../support/local-polar';

const polar = new LocalPolar();

const read = (path: string, organization?: string): Promise<Reply> =>
  polar.get(`/v1/organizations/${path}`, polar.issue({ scope: 'organizations:read', organization }));

const NO_INTEGER = 'Input should be a valid integer, unable to parse string as an integer';
const CRITERIA =
  "'created_at', '-created_at', 'slug', '-slug', 'name', '-name', 'next_review_threshold', " +
  "'-next_review_threshold', 'days_in_status' or '-days_in_status'";

describe('the organizations endpoint', () => {
  it('lists the organizations of the user', async () => {
    const { status, headers, json } = await polar.get(
      '/v1/organizations/',
      polar.issue({ scope: 'organizations:read' }),
    );
    expect([status, headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(slugs({ json })).toEqual(['acme', 'analytical-engines']);
    expect(json['pagination']).toEqual({ total_count: 2, max_page: 1 });
  });

  it('lists the organizations to which the token is limited', async () => {
    const { json } = await polar.get(
      '/v1/organizations/',
      polar.issue({ scope: 'organizations:write', organization: 'acme' }),
    );
    expect(slugs({ json })).toEqual(['acme']);
  });

  it('lists the organization to which a legacy token belongs', async () => {
    const accessToken = polar.issue({ subType: 'organization' });
    expect(slugs(await polar.get('/v1/organizations/', accessToken))).toEqual(['acme']);
  });

  it('filters and pages the list', async () => {
    const token = polar.issue({ scope: 'organizations:read' });
    const list = async (query: string) => await polar.get(`/v1/organizations/?${query}`, token);
    expect(slugs(await list('slug=acme'))).toEqual(['acme']);
    expect(slugs(await list('limit=1&page=2'))).toEqual(['analytical-engines']);
    expect((await list('limit=1')).json['pagination']).toEqual({ total_count: 2, max_page: 2 });
    expect(slugs(await list('page=9&limit=5000'))).toEqual([]);
    for (const query of ['page=0', 'limit=x']) {
      expect((await polar.get(`/v1/organizations/?${query}`, token)).status).toBe(422);
    }
  });

  it('returns a single organization of the token and 404 for others', async () => {
    const token = polar.issue({ scope: 'organizations:read', organization: 'acme' });
    expect((await polar.get(`/v1/organizations/${ACME}`, token)).json).toMatchObject({ name: 'acme' });
    expect((await polar.get(`/v1/organizations/${ENGINES}`, token)).status).toBe(404);
  });

  it('returns 401 without a token', async () => {
    const { status, headers, json } = await polar.get('/v1/organizations/');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="polar"');
    expect(json).toEqual({ error: 'Unauthorized', detail: 'Unauthorized' });
  });

  it('redirects a path without the trailing slash', async () => {
    const { status, headers } = await polar.get(
      '/v1/organizations?limit=1',
      polar.issue({ scope: 'organizations:read' }),
    );
    expect(status).toBe(307);
    expect(headers.get('location')).toBe(`${polar.emulator.url}/v1/organizations/?limit=1`);
    expect((await polar.get('/v1/organizations')).headers.get('location')).toMatch(/organizations\/$/);
  });
});

describe('the list of organizations', () => {
  it('is empty after its last page, and crashes when the number is too large for the database', async () => {
    for (const page of ['3', '9223372036854775807', '9223372036854775808']) {
      const { json } = await read(`?page=${page}&limit=1`);
      expect(json).toEqual({ items: [], pagination: { total_count: 2, max_page: 2 } });
    }
    const { status, text } = await read('?page=9223372036854775809&limit=1');
    expect([status, text]).toEqual([500, 'Internal Server Error']);
    const { json } = await read(`?page=${'9'.repeat(4301)}`);
    expect(json['detail']).toMatchObject([{ type: 'int_parsing_size', loc: ['query', 'page'] }]);
  });

  it('is sorted by the given criteria', async () => {
    expect(slugs(await read('?sorting=-created_at'))).toEqual(['analytical-engines', 'acme']);
    expect(slugs(await read('?sorting=-slug'))).toEqual(['analytical-engines', 'acme']);
    expect(slugs(await read('?sorting=days_in_status&sorting=slug'))).toEqual(['acme', 'analytical-engines']);
  });

  it('reports all invalid parameters at once', async () => {
    const { status, headers, json } = await read('?page=0&limit=abc&sorting=name&sorting=zzz');
    expect([status, headers.get('cache-control')]).toEqual([422, 'private, no-store']);
    expect(json).toEqual({
      error: 'RequestValidationError',
      detail: [
        {
          type: 'greater_than',
          loc: ['query', 'page'],
          msg: 'Input should be greater than 0',
          input: '0',
          ctx: { gt: 0 },
        },
        { type: 'int_parsing', loc: ['query', 'limit'], msg: NO_INTEGER, input: 'abc' },
        {
          type: 'enum',
          loc: ['query', 'sorting', 1],
          msg: `Input should be ${CRITERIA}`,
          input: 'zzz',
          ctx: { expected: CRITERIA },
        },
      ],
    });
  });

  it.each([
    ['page=', 422],
    ['page=1.5', 422],
    ['limit=1e2', 422],
    ['page=-1', 422],
    ['page=1.0', 200],
    ['page=%2B1', 200],
    ['limit=1_0', 200],
    ['page=0&page=1', 200],
  ])('with ?%s gets the status %d', async (query, status) => {
    expect((await read(`?${query}`)).status).toBe(status);
  });

  it('is searched for a slug case-insensitively', async () => {
    expect(slugs(await read('?slug=ACME'))).toEqual(['acme']);
  });

  it('needs a token before it checks the query', async () => {
    expect((await polar.get('/v1/organizations/?page=0')).status).toBe(401);
  });
});

describe('a single organization', () => {
  it.each([ACME.toUpperCase(), ACME.replaceAll('-', ''), `urn:uuid:${ACME}`, `%7B${ACME}%7D`])(
    'is found by the id %s',
    async (id) => {
      expect((await read(id)).json['id']).toBe(ACME);
    },
  );

  it('is not found with a token of another organization', async () => {
    const { status, json } = await read(ENGINES, 'acme');
    expect([status, json]).toEqual([404, { error: 'ResourceNotFound', detail: 'Not found' }]);
  });

  it.each([
    ['nope', 'invalid character: found `n` at 1'],
    ['urn:uuid:x', 'invalid character: found `x` at 10'],
    [`uuid:${ACME}`, 'invalid character: found `u` at 1'],
    [`{{${ACME}}}`, 'invalid character: found `{` at 2'],
    [`urn:uuid:{${ACME}}`, 'invalid character: found `{` at 10'],
    [`${ACME}-`, 'invalid group count: expected 5, found 6'],
    ['123', 'invalid length: expected length 32 for simple format, found 3'],
    ['2222-2222', 'invalid group count: expected 5, found 2'],
    [`${ACME}0`, 'invalid group length in group 4: expected 12, found 13'],
  ])('is refused when its id is %s', async (input, error) => {
    const { status, json } = await read(input);
    expect(status).toBe(422);
    expect(json['detail']).toEqual([
      {
        type: 'uuid_parsing',
        loc: ['path', 'id'],
        msg: `Input should be a valid UUID, ${error}`,
        input,
        ctx: { error },
      },
    ]);
  });

  it('is refused when its UUID is not of version 4', async () => {
    const { status, json } = await read('22222220-2222-1222-8222-222222222222');
    expect(status).toBe(422);
    expect(json['detail']).toMatchObject([
      { type: 'uuid_version', msg: 'UUID version 4 expected', ctx: { expected_version: 4 } },
    ]);
  });
});
