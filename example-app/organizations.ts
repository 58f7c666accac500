import type { Request } from 'express';

/** What the page shows of an organization. */
export interface Organization {
  readonly name: string;
  readonly slug: string;
}

/** The organizations that whoever is logged in shared with this app, as the Polar API answers. */
export async function fetchOrganizations(req: Request): Promise<unknown> {
  // A fresh token, and one retry after a 401, are what req.polar.fetch adds to fetch.
  const answer = await req.polar.fetch('/v1/organizations/');
  if (answer.ok) return answer.json();
  await answer.body?.cancel();
  throw Object.assign(new Error(`The Polar API answered ${answer.status}.`), {
    code: 'polar_api_error',
    status: answer.status < 500 ? answer.status : 502,
  });
}

/** The organizations in an answer of the API. */
export function parseOrganizations(answer: unknown): Organization[] {
  const items = (answer as { items?: unknown } | null)?.items;
  if (!Array.isArray(items)) return [];
  return items.map(({ name, slug }) => ({ name: String(name ?? slug ?? ''), slug: String(slug ?? '') }));
}
