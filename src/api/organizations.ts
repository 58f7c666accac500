import { hash } from 'node:crypto';
import { type Introspection, organizationsOf } from '../client/introspection.js';
import { optionalNumber, requiredString, type WireObject, wireObject } from '../client/wire-fields.js';
import { PolarError, PolarLoginRequiredError, PolarResponseError } from '../errors.js';
import { startDeadline } from '../http/deadline.js';
import { fetchedResponse } from '../http/fetched-response.js';
import { type HttpResponse, readResponse } from '../http/http.js';
import type { LoginHandle } from '../tokens/token-record.js';
import { fetchFromPolar, type PolarApiParts } from './polar-fetch.js';
import { TimedCache } from './timed-cache.js';

/**
 * An organization at Polar.
 *
 * @group Tokens
 */
export interface PolarOrganization {
  /** A UUID that never changes. */
  readonly id: string;
  /** Display name, which may change. */
  readonly name: string;
  /** Its name in URLs, which may change. */
  readonly slug: string;
}

/**
 * The organizations that a login reaches.
 *
 * @group Tokens
 */
export interface PolarOrganizations {
  /**
   * The organizations, in Polar's order. A login that is not limited reaches all of the user's that do not enforce SSO.
   */
  readonly organizations: readonly PolarOrganization[];
  /**
   * True if the user has limited the login to these organizations; it then does not reach organizations that they join
   * later. Absent for a public client, which Polar does not tell.
   */
  readonly isLimited?: boolean;
}

/** Dependencies of {@link Organizations}. */
export interface OrganizationsParts extends PolarApiParts {
  /** Introspects a token; undefined for a public client, which Polar does not allow to introspect. */
  readonly introspect: ((accessToken: string) => Promise<Introspection>) | undefined;
  readonly now: () => number;
}

const ttlMs = 30_000;
// A negative result is checked again soon: the user may have been invited a moment ago.
const negativeTTLMs = 5000;
// Most lists have a few organizations, of 200 bytes each.
const maxLists = 1000;
const maxVisible = 10_000;
const pageSize = 100;
// No user belongs to 10,000 organizations: a server that reports that many pages is not Polar.
const maxPages = 100;
// Room for a hundred organizations of 2 KB each, or far more.
const maxResponseBytes = 4 * 1024 * 1024;

/**
 * Determines which organizations logins reach, from Polar's API. Cached results belong to one access token of one
 * login: the next token does not see them, and a login that has ended gets no further than the refresher.
 */
export class Organizations {
  readonly #parts: OrganizationsParts;
  readonly #lists: TimedCache<PolarOrganizations>;
  readonly #visible: TimedCache<boolean>;

  constructor(parts: OrganizationsParts) {
    const { now } = parts;
    this.#parts = parts;
    this.#lists = new TimedCache({ maxEntries: maxLists, ttlMs: () => ttlMs, now });
    this.#visible = new TimedCache({
      maxEntries: maxVisible,
      ttlMs: (isVisible) => (isVisible ? ttlMs : negativeTTLMs),
      now,
    });
  }

  /** Returns all organizations that the login reaches (`GET /v1/organizations/`), and whether it is limited to them. */
  async of(login: LoginHandle): Promise<PolarOrganizations> {
    const known = await this.#lists.get(await this.#keyOf(login), async () => {
      const organizations = await this.#list(login);
      const limits = await this.limitsOf(login);
      return { organizations, ...(limits !== undefined && { isLimited: limits.length > 0 }) };
    });
    // A copy for each caller: one request's changes to its list must not affect another.
    return structuredClone(known);
  }

  /** True if the login reaches this organization (`GET /v1/organizations/{id}`). */
  async isVisible(login: LoginHandle, id: string): Promise<boolean> {
    const key = await this.#keyOf(login, id);
    return this.#visible.get(key, () =>
      this.#asking(login, 'GET /v1/organizations/{id}', async (ask) => {
        const { status, body } = await ask(`/v1/organizations/${id}`);
        if (status === 200) return true;
        // Polar responds with 422 to a UUID of another version than its own. Any other 404 is not about the
        // organization.
        const { error } = (body ?? {}) as { error?: unknown };
        if (status === 422 || (status === 404 && error === 'ResourceNotFound')) return false;
        throw unexpected(status, 'GET /v1/organizations/{id}');
      }),
    );
  }

  /**
   * Returns the ids of the organizations to which a login is limited (`POST /v1/oauth2/introspect`). Empty if it
   * reaches all of the user's; undefined if this client cannot know.
   */
  async limitsOf(login: LoginHandle): Promise<readonly string[] | undefined> {
    const { introspect, refresher } = this.#parts;
    if (introspect === undefined) return undefined;
    const { accessToken } = await refresher.validTokens(login);
    const first = await introspect(accessToken);
    if (first.active) return organizationsOf(first);
    const newer = await refresher.tokensAfterRefusal(login, accessToken);
    const second = newer && (await introspect(newer.accessToken));
    if (second?.active) return organizationsOf(second);
    if (newer !== undefined) refresher.noteSecondRefusal(login, newer.accessToken);
    throw tokenUnknown();
  }

  async #list(login: LoginHandle): Promise<PolarOrganization[]> {
    return this.#asking(login, 'GET /v1/organizations/', async (ask) => {
      // Keyed by id: an organization created meanwhile moves others to the next page.
      const found = new Map<string, PolarOrganization>();
      for (let page = 1, pages = 1; page <= pages; page++) {
        const { status, body } = await ask(`/v1/organizations/?limit=${pageSize}&page=${page}`);
        if (status !== 200) throw unexpected(status, 'GET /v1/organizations/');
        const parsed = parsePage(body);
        for (const organization of parsed.items) found.set(organization.id, organization);
        pages = parsed.pages;
      }
      return [...found.values()];
    });
  }

  /** Runs all requests of `work` to the API within one time-out. */
  async #asking<T>(
    login: LoginHandle,
    where: string,
    work: (ask: (path: string) => Promise<HttpResponse>) => Promise<T>,
  ): Promise<T> {
    const deadline = startDeadline(this.#parts.timeoutMs);
    try {
      return await work(async (path) => {
        const response = await fetchFromPolar(this.#parts, login, path, { signal: deadline.signal });
        const answer = await deadline.race(
          readResponse(fetchedResponse(response, where), where, maxResponseBytes),
        );
        if (answer.status === 401) throw tokenUnknown();
        return answer;
      });
    } catch (error) {
      throw error instanceof PolarError ? error : deadline.explain(error, where);
    } finally {
      deadline.stop();
    }
  }

  // Hashed, so that the memory of this process holds no list of tokens.
  async #keyOf(login: LoginHandle, id?: string): Promise<string> {
    const { accessToken } = await this.#parts.refresher.validTokens(login);
    return hash('sha256', JSON.stringify([login.loginId, accessToken, id]), 'base64url');
  }
}

function parsePage(body: unknown): { readonly items: PolarOrganization[]; readonly pages: number } {
  const what = "Polar's list of organizations";
  const { items, pagination } = wireObject(body, what);
  const pages = optionalNumber(wireObject(pagination, what), 'max_page', what) ?? 1;
  if (!Array.isArray(items) || pages > maxPages)
    throw new PolarResponseError(
      'malformed_response',
      `${what} is malformed or has more than ${maxPages} pages. Check the server option.`,
    );
  return { items: items.map((item) => parseOrganization(wireObject(item, what), what)), pages };
}

function parseOrganization(wire: WireObject, what: string): PolarOrganization {
  const text = (field: string): string => requiredString(wire, field, what);
  return { id: text('id'), name: text('name'), slug: text('slug') };
}

function tokenUnknown(): PolarLoginRequiredError {
  return new PolarLoginRequiredError(
    'login_expired',
    'Polar no longer accepts the access token of this login. Log in with Polar again.',
  );
}

function unexpected(status: number, where: string): PolarResponseError {
  return new PolarResponseError(
    'malformed_response',
    `${where} returned an unexpected status, ${status}. Check the server option.`,
  );
}
