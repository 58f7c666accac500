import { crashRefusal } from '../http/answers.js';
import type { Complaint, Problem } from '../validation/complaint.js';

/** One page of a list, in the form of Polar's API. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly pagination: { readonly total_count: number; readonly max_page: number };
}

/** Which page is asked for. */
export interface Paging {
  readonly page: number;
  readonly limit: number;
}

/** Reads `page` (from 1) and `limit` (1 to 100, 10 by default), and adds what is wrong with them to `complaints`. */
export function readPaging(query: URLSearchParams, complaints: Complaint[]): Paging {
  const page = positiveInteger(query, 'page', 1, complaints);
  const limit = positiveInteger(query, 'limit', 10, complaints);
  return { page, limit: Math.min(limit, 100) };
}

/** The largest number of items to pass over that Polar's database takes. */
const MAX_OFFSET = 2 ** 63;

/**
 * Cuts a page.
 *
 * @throws Refusal 500 for a page so far behind the last that Polar's database does not take the number
 */
export function pageOf<Item>(items: readonly Item[], { page, limit }: Paging): ListPage<Item> {
  const offset = (page - 1) * limit;
  if (offset >= MAX_OFFSET) throw crashRefusal();
  const pagination = { total_count: items.length, max_page: Math.ceil(items.length / limit) };
  return { items: items.slice(offset, offset + limit), pagination };
}

const NO_INTEGER: Problem = {
  type: 'int_parsing',
  msg: 'Input should be a valid integer, unable to parse string as an integer',
};
const TOO_SMALL: Problem = { type: 'greater_than', msg: 'Input should be greater than 0', ctx: { gt: 0 } };

function positiveInteger(
  query: URLSearchParams,
  name: string,
  fallback: number,
  complaints: Complaint[],
): number {
  const input = query.getAll(name).at(-1);
  if (input === undefined) return fallback;
  const complain = (problem: Problem) => {
    complaints.push({ ...problem, loc: ['query', name], input });
    return fallback;
  };
  const text = input.trim();
  // Signs, digit groups and a fraction of zeros are fine with Polar's framework.
  if (!/^[+-]?\d+(?:_\d+)*(?:\.0+)?$/.test(text)) return complain(NO_INTEGER);
  const value = Number(text.replaceAll('_', ''));
  return value < 1 ? complain(TOO_SMALL) : value;
}
