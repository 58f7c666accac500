/** Responses that a parser must refuse. */
import { inspect } from 'node:util';
import { expect, it } from '@jest/globals';
import { PolarResponseError } from '../../src/errors.js';

type Parse = (body: unknown) => unknown;

export const strings = [7, true, {}, ['polar_at_u_hidden']];
export const numbers = ['3600', true, {}, [3600]];
export const booleans = ['true', 1, {}, [true]];

export function failureOf(parse: Parse, body: unknown): unknown {
  try {
    return parse(body);
  } catch (error) {
    expect(error).toBeInstanceOf(PolarResponseError);
    expect(inspect(error)).not.toContain('hidden');
    return error;
  }
}

/** One row for each field and each value that it must not have. */
export function wrongValues(fields: Record<string, readonly unknown[]>): [string, unknown][] {
  return Object.entries(fields).flatMap(([field, values]) =>
    values.map((value): [string, unknown] => [field, value]),
  );
}

/** Tests a parser with bodies that are not objects with fields of their own; `what` names the response in the error. */
export function refusesOtherBodies(what: string, parse: Parse, good: object): void {
  const secretive = { ...good, access_token: 'polar_at_u_hidden' };

  it.each([[undefined], [null], ['polar_at_u_hidden'], [7], [true], [[]], [[secretive]]])(
    'cannot be %j',
    (body) => {
      const error = failureOf(parse, body);
      expect(error).toMatchObject({ code: 'malformed_response', status: 502 });
      expect((error as Error).message.toLowerCase()).toBe(`${what} is not a json object.`);
    },
  );

  it('must have its fields itself, not inherit them', () => {
    expect(failureOf(parse, Object.create(secretive))).toMatchObject({ code: 'malformed_response' });
  });
}
