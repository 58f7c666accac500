import { describe, expect, it } from '@jest/globals';
import { ACME, ENGINES, LocalPolar, type Reply, slugs } from '../support/local-polar';

const polar = new LocalPolar();

const read = (path: string, organization?: string): Promise<Reply> =>
  polar.get(`/v1/organizations/${path}`, polar.issue({ scope: 'organizations:read', organization }));

const NO_INTEGER = 'Input should be a valid integer, unable to parse string as an integer';
const CRITERIA =
  "'created_at', '-created_at', 'slug', '-slug', 'name', '-name', 'next_review_threshold', " +
  "'-next_review_threshold', 'days_in_status' or '-days_in_status'";

describe('organizations', () => {
  it('lists those of the user', async () => {
    const { status, headers, json } = await polar.get(
      '/v1/organizations/',
      polar.issue({ scope: 'organizations:read' }),
    );
    expect([status, headers.get('cache-control')]).toEqual([200, 'private, no-store']);
    expect(slugs({ json })).toEqual(['acme', 'analytical-engines']);
    expect(json['pagination']).toEqual({ total_count: 2, max_page: 1 });
  });

  it('lists those the token is limited to', async () => {
    const { json } = await polar.get(
      '/v1/organizations/',
      polar.issue({ scope: 'organizations:write', organization: 'acme' }),
    );
    expect(slugs({ json })).toEqual(['acme']);
  });

  it('lists the organization a legacy token belongs to', async () => {
    const accessToken = polar.issue({ subType: 'organization' });
    expect(slugs(await polar.get('/v1/organizations/', accessToken))).toEqual(['acme']);
  });

  it('can be filtered and paged', async () => {
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

  it('are read one by one, if they are the token’s', async () => {
    const token = polar.issue({ scope: 'organizations:read', organization: 'acme' });
    expect((await polar.get(`/v1/organizations/${ACME}`, token)).json).toMatchObject({ name: 'acme' });
    expect((await polar.get(`/v1/organizations/${ENGINES}`, token)).status).toBe(404);
  });

  it('need a token', async () => {
    const { status, headers, json } = await polar.get('/v1/organizations/');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer realm="polar"');
    expect(json).toEqual({ error: 'Unauthorized', detail: 'Unauthorized' });
  });

  it('without the slash, Polar sends the client to the path with it', async () => {
    const { status, headers } = await polar.get(
      '/v1/organizations?limit=1',
      polar.issue({ scope: 'organizations:read' }),
    );
    expect(status).toBe(307);
    expect(headers.get('location')).toBe(`${polar.emulator.url}/v1/organizations/?limit=1`);
    expect((await polar.get('/v1/organizations')).headers.get('location')).toMatch(/organizations\/$/);
  });
});

describe('the list', () => {
  it('counts on behind its last page, until the database trips over the number', async () => {
    for (const page of ['3', '9223372036854775807', '9223372036854775808']) {
      const { json } = await read(`?page=${page}&limit=1`);
      expect(json).toEqual({ items: [], pagination: { total_count: 2, max_page: 2 } });
    }
    const { status, text } = await read('?page=9223372036854775809&limit=1');
    expect([status, text]).toEqual([500, 'Internal Server Error']);
    const { json } = await read(`?page=${'9'.repeat(4301)}`);
    expect(json['detail']).toMatchObject([{ type: 'int_parsing_size', loc: ['query', 'page'] }]);
  });

  it('is sorted as asked', async () => {
    expect(slugs(await read('?sorting=-created_at'))).toEqual(['analytical-engines', 'acme']);
    expect(slugs(await read('?sorting=-slug'))).toEqual(['analytical-engines', 'acme']);
    expect(slugs(await read('?sorting=days_in_status&sorting=slug'))).toEqual(['acme', 'analytical-engines']);
  });

  it('complains of everything at once', async () => {
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
  ])('%s gets %d', async (query, status) => {
    expect((await read(`?${query}`)).status).toBe(status);
  });

  it('is searched for a slug in any case', async () => {
    expect(slugs(await read('?slug=ACME'))).toEqual(['acme']);
  });

  it('wants a token before it looks at the query', async () => {
    expect((await polar.get('/v1/organizations/?page=0')).status).toBe(401);
  });
});

describe('one of them', () => {
  it.each([ACME.toUpperCase(), ACME.replaceAll('-', ''), `urn:uuid:${ACME}`, `%7B${ACME}%7D`])(
    'is found as %s',
    async (id) => {
      expect((await read(id)).json['id']).toBe(ACME);
    },
  );

  it('that is not the token’s is not found', async () => {
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
  ])('%s is no id', async (input, error) => {
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

  it('has an id of version 4', async () => {
    const { status, json } = await read('22222220-2222-1222-8222-222222222222');
    expect(status).toBe(422);
    expect(json['detail']).toMatchObject([
      { type: 'uuid_version', msg: 'UUID version 4 expected', ctx: { expected_version: 4 } },
    ]);
  });
});
