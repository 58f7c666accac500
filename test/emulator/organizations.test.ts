import { describe, expect, it } from '@jest/globals';
import { ACME, ENGINES, LocalPolar, type Reply } from './support/local-polar';

const polar = new LocalPolar();

const read = (path: string, organization?: string): Promise<Reply> => {
  const { accessToken } = polar.emulator.issueTokens({
    clientID: polar.client.clientID,
    user: 'ada@example.com',
    scope: 'organizations:read',
    organization,
  });
  return polar.get(`/v1/organizations/${path}`, accessToken);
};

const slugs = ({ json }: Reply) => (json['items'] as { slug: string }[]).map(({ slug }) => slug);

const NO_INTEGER = 'Input should be a valid integer, unable to parse string as an integer';
const CRITERIA =
  "'created_at', '-created_at', 'slug', '-slug', 'name', '-name', 'next_review_threshold', " +
  "'-next_review_threshold', 'days_in_status' or '-days_in_status'";

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
