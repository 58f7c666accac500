import { validationRefusal } from '../validation/complaint.js';

/** One page of a list, in the form of Polar's API. */
export interface ListPage<Item> {
  readonly items: readonly Item[];
  readonly pagination: { readonly total_count: number; readonly max_page: number };
}

/** Cuts the page that `page` (from 1) and `limit` (1 to 100, 10 by default) ask for. */
export function pageOf<Item>(items: readonly Item[], query: URLSearchParams): ListPage<Item> {
  const page = positiveInteger(query, 'page', 1);
  const limit = Math.min(positiveInteger(query, 'limit', 10), 100);
  return {
    items: items.slice((page - 1) * limit, page * limit),
    pagination: { total_count: items.length, max_page: Math.ceil(items.length / limit) },
  };
}

function positiveInteger(query: URLSearchParams, name: string, fallback: number): number {
  const text = query.get(name);
  if (text === null) return fallback;
  const complain = (type: string, msg: string, ctx?: Record<string, unknown>) =>
    validationRefusal([
      { type, loc: ['query', name], msg, input: text, ...(ctx === undefined ? {} : { ctx }) },
    ]);
  if (!/^-?\d+$/.test(text)) {
    throw complain('int_parsing', 'Input should be a valid integer, unable to parse string as an integer');
  }
  const value = Number(text);
  if (value < 1) throw complain('greater_than', 'Input should be greater than 0', { gt: 0 });
  return value;
}
