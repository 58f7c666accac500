import { oneOf } from '../validation/checks.js';
import type { Complaint } from '../validation/complaint.js';

/** Compares two items of a list; `all` is the list in the order of their creation. */
export type Order<Item> = (a: Item, b: Item, all: readonly Item[]) => number;

/** The parameter `sorting` of a list. */
export interface Sorting<Item> {
  /** Reads the parameter, which may be repeated, and adds its problems to `complaints`. */
  read(query: URLSearchParams, complaints: Complaint[]): readonly string[];
  /** Sorts by each criterion in turn; a leading minus sign reverses one. */
  sort(items: readonly Item[], criteria: readonly string[]): readonly Item[];
}

/** @param orders - by the names of their criteria */
export function createSorting<Item>(orders: Readonly<Record<string, Order<Item>>>): Sorting<Item> {
  const criterion = oneOf(Object.keys(orders).flatMap((name) => [name, `-${name}`]));
  return {
    read(query, complaints) {
      const criteria = query.getAll('sorting');
      for (const [index, input] of criteria.entries()) {
        const result = criterion(input);
        if ('value' in result) continue;
        complaints.push({ ...result, type: 'enum', loc: ['query', 'sorting', index], input });
      }
      return criteria;
    },
    sort: (items, criteria) =>
      items.toSorted((a, b) => {
        for (const text of criteria) {
          const difference = orders[text.replace('-', '')]?.(a, b, items) ?? 0;
          if (difference !== 0) return text.startsWith('-') ? -difference : difference;
        }
        return 0;
      }),
  };
}

/** The order of a list is that of creation. */
export const byCreation = <Item>(a: Item, b: Item, all: readonly Item[]): number =>
  all.indexOf(a) - all.indexOf(b);

/** By a text or number. */
export const by =
  <Item>(keyOf: (item: Item) => string | number): Order<Item> =>
  (a, b) =>
    keyOf(a) < keyOf(b) ? -1 : Number(keyOf(a) > keyOf(b));
