import type { DirectoryOrganization } from '../users/directory.js';
import { oneOf } from '../validation/checks.js';
import type { Complaint } from '../validation/complaint.js';

type Order = (
  a: DirectoryOrganization,
  b: DirectoryOrganization,
  all: readonly DirectoryOrganization[],
) => number;

/** The directory lists organizations in the order of their creation; reviews are beyond the emulator. */
const ORDERS: Readonly<Record<string, Order>> = {
  created_at: (a, b, all) => all.indexOf(a) - all.indexOf(b),
  slug: (a, b) => compare(a.slug, b.slug),
  name: (a, b) => compare(a.name, b.name),
  next_review_threshold: () => 0,
  days_in_status: () => 0,
};

const criterion = oneOf(Object.keys(ORDERS).flatMap((name) => [name, `-${name}`]));

/** Reads `sorting`, which can be given several times, and adds what is wrong with it to `complaints`. */
export function readSorting(query: URLSearchParams, complaints: Complaint[]): readonly string[] {
  const criteria = query.getAll('sorting');
  for (const [index, input] of criteria.entries()) {
    const result = criterion(input);
    if ('value' in result) continue;
    complaints.push({ ...result, type: 'enum', loc: ['query', 'sorting', index], input });
  }
  return criteria;
}

/** Sorts by each criterion in turn; a minus sign in front turns one around. */
export function sortOrganizations(
  organizations: readonly DirectoryOrganization[],
  criteria: readonly string[],
): readonly DirectoryOrganization[] {
  return organizations.toSorted((a, b) => {
    for (const text of criteria) {
      const difference = ORDERS[text.replace('-', '')]?.(a, b, organizations) ?? 0;
      if (difference !== 0) return text.startsWith('-') ? -difference : difference;
    }
    return 0;
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
