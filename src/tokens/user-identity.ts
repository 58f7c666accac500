import { hash } from 'node:crypto';
import { invalidOption } from '../errors.js';

/**
 * Returns a string that identifies the person whom a serialized user stands for.
 *
 * @param serializedUser what the app's `serializeUser` stores in the session
 *
 * @example
 * ```ts
 * const userKey: UserKey = (serialized: { accountId: string }) =>
 *   serialized.accountId;
 * ```
 *
 * @group Strategy
 */
// biome-ignore lint/suspicious/noExplicitAny: only the app knows what its serializeUser stores.
export type UserKey = (serializedUser: any) => string;

/**
 * Tells whether two serialized users are the same person. A string or number identifies itself. A Polar profile is identified by
 * its subject, however much of it the app keeps. Any other object is identified by its whole value, because tables, tenants and
 * providers may share an `id`, `_id` or `sub`.
 */
export class UserIdentities {
  readonly #userKey: UserKey | undefined;

  constructor(userKey: UserKey | undefined) {
    this.#userKey = userKey;
  }

  /**
   * Returns a name that no two users of different identities share, cheaper than an identity; undefined if only the app's
   * `userKey` can tell, which may read more than JSON shows.
   */
  nameOf(user: unknown): string | undefined {
    if (this.#userKey !== undefined) return undefined;
    const subject = isPlain(user) ? polarSubject(user) : undefined;
    return subject === undefined ? JSON.stringify(user) : `subject:${subject}`;
  }

  /**
   * Returns the identity of a user, as a hash.
   *
   * @param subject Polar's id of the user to whom the tokens belong: an object that only claims to be a Polar profile must not
   *   pass for another user
   * @throws PolarConfigurationError `invalid_option` when the app's `userKey` returns no text
   */
  of(user: unknown, subject?: string): string {
    if (this.#userKey !== undefined) return identityOf('key', this.#keyOf(user, this.#userKey));
    const stored = asStored(user);
    const named = polarSubject(stored);
    const isSubject = named !== undefined && (subject === undefined || named === subject);
    return isSubject ? identityOf('subject', named) : identityOf('value', stored);
  }

  /** True if the identity is that of this user. */
  isOf(identity: string, user: unknown): boolean {
    if (identity === this.of(user)) return true;
    return this.#userKey === undefined && identity === identityOf('value', asStored(user));
  }

  #keyOf(user: unknown, userKey: UserKey): string {
    const key: unknown = userKey(user);
    if (typeof key === 'string' && key !== '') return key;
    throw invalidOption(
      'userKey must return a non-empty string that identifies the user. It receives what serializeUser stores in the session.',
    );
  }
}

/** Converts a user to what a session store returns: values that JSON omits would not survive the store. */
function asStored(user: unknown): unknown {
  const json: string | undefined = JSON.stringify(user);
  return json === undefined ? undefined : JSON.parse(json);
}

/** True for an object whose `id` and `provider`, if any, are the ones in its JSON. */
function isPlain(user: unknown): boolean {
  return (
    typeof user === 'object' &&
    user !== null &&
    Object.getPrototypeOf(user) === Object.prototype &&
    !Object.hasOwn(user, 'toJSON') &&
    isEnumerable(user, 'id') &&
    isEnumerable(user, 'provider')
  );
}

const isEnumerable = (user: object, name: string): boolean =>
  Object.prototype.propertyIsEnumerable.call(user, name);

/** Returns the subject of a Polar profile; undefined for anything else. */
function polarSubject(user: unknown): string | undefined {
  if (typeof user !== 'object' || user === null) return undefined;
  const { id, provider } = user as { id?: unknown; provider?: unknown };
  return provider === 'polar' && typeof id === 'string' ? id : undefined;
}

function identityOf(kind: 'key' | 'subject' | 'value', what: unknown): string {
  return hash('sha256', `${kind}:${canonicalJSON(what)}`, 'base64url');
}

/** Serializes with sorted keys, because a store may return an object with its keys in another order. */
function canonicalJSON(value: unknown): string {
  const sorted = (_key: string, item: unknown): unknown =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item;
  return JSON.stringify(value, sorted) ?? 'undefined';
}
