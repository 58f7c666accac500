import type { Request } from 'express';

/** An organization, as the page shows it. */
export interface Organization {
  readonly name: string;
  readonly slug: string;
}

/** Fetches the organizations that the user shared with this app, from the Polar API. */
export async function fetchOrganizations(req: Request): Promise<unknown> {
  // req.polar.fetch adds a fresh token and one retry after a 401.
  const response = await req.polar.fetch('/v1/organizations/');
  if (response.ok) return response.json();
  await response.body?.cancel();
  throw Object.assign(new Error(`The Polar API responded with ${response.status}.`), {
    code: 'polar_api_error',
    status: response.status < 500 ? response.status : 502,
  });
}

/** The organizations in a response of the API. */
export function parseOrganizations(response: unknown): Organization[] {
  const items = (response as { items?: unknown } | null)?.items;
  if (!Array.isArray(items)) return [];
  return items.map(({ name, slug }) => ({ name: String(name ?? slug ?? ''), slug: String(slug ?? '') }));
}
