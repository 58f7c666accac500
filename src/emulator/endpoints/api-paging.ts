import { crashRefusal } from '../http/answers.js';
import { lastValue } from '../http/message.js';
import type { Complaint, Problem } from '../validation/complaint.js';

/** The requested page. */
export interface Paging {
  /** Number of items before the page; requests may name any number. */
  readonly offset: bigint;
  readonly limit: number;
}

/** Reads `page` (from 1) and `limit` (1 to 100, 10 by default), and adds their problems to `complaints`. */
export function readPaging(query: URLSearchParams, complaints: Complaint[]): Paging {
  const page = positiveInteger(query, 'page', 1n, complaints);
  const limit = positiveInteger(query, 'limit', 10n, complaints);
  const limited = limit > 100n ? 100n : limit;
  return { offset: (page - 1n) * limited, limit: Number(limited) };
}

/** The largest offset that Polar's database accepts. */
const MAX_OFFSET = 2n ** 63n - 1n;

/**
 * Returns one page of a list, in the format of Polar's API.
 *
 * @throws Refusal 500 for a page whose offset is too large for Polar's database
 */
export function pageOf(items: readonly unknown[], { offset, limit }: Paging): object {
  if (offset > MAX_OFFSET) throw crashRefusal();
  const start = Number(offset);
  const pagination = { total_count: items.length, max_page: Math.ceil(items.length / limit) };
  return { items: items.slice(start, start + limit), pagination };
}

const MAX_DIGITS = 4300;

const TOO_LONG: Problem = {
  type: 'int_parsing_size',
  msg: 'Unable to parse input string as an integer, exceeded maximum size',
};
const NO_INTEGER: Problem = {
  type: 'int_parsing',
  msg: 'Input should be a valid integer, unable to parse string as an integer',
};
const TOO_SMALL: Problem = { type: 'greater_than', msg: 'Input should be greater than 0', ctx: { gt: 0 } };

function positiveInteger(
  query: URLSearchParams,
  name: string,
  fallback: bigint,
  complaints: Complaint[],
): bigint {
  const input = lastValue(query, name);
  if (input === undefined) return fallback;
  const complain = (problem: Problem) => {
    complaints.push({ ...problem, loc: ['query', name], input });
    return fallback;
  };
  const text = input.trim();
  if (text.length > MAX_DIGITS) return complain(TOO_LONG);
  // Polar's framework accepts signs, digit groups and a fraction of zeros.
  const digits = /^([+-]?\d+(?:_\d+)*)(?:\.0+)?$/.exec(text)?.[1];
  if (digits === undefined) return complain(NO_INTEGER);
  const value = BigInt(digits.replaceAll('_', '').replace('+', ''));
  return value < 1n ? complain(TOO_SMALL) : value;
}
