import { checkList } from '../options/option-checks.js';
import { closest } from '../options/option-names.js';

/** Polar's scopes, as of its 2026 API. */
const polarScopes = [
  'openid',
  'profile',
  'email',
  'user:read',
  'user:write',
  'organizations:read',
  'organizations:write',
  'custom_fields:read',
  'custom_fields:write',
  'discounts:read',
  'discounts:write',
  'checkout_links:read',
  'checkout_links:write',
  'checkouts:read',
  'checkouts:write',
  'transactions:read',
  'transactions:write',
  'payouts:read',
  'payouts:write',
  'products:read',
  'products:write',
  'benefits:read',
  'benefits:write',
  'events:read',
  'events:write',
  'meters:read',
  'meters:write',
  'files:read',
  'files:write',
  'subscriptions:read',
  'subscriptions:write',
  'customers:read',
  'customers:write',
  'members:read',
  'members:write',
  'wallets:read',
  'wallets:write',
  'disputes:read',
  'disputes:write',
  'customer_meters:read',
  'customer_sessions:write',
  'member_sessions:write',
  'customer_seats:read',
  'customer_seats:write',
  'orders:read',
  'orders:write',
  'refunds:read',
  'refunds:write',
  'payments:read',
  'metrics:read',
  'metrics:write',
  'webhooks:read',
  'webhooks:write',
  'license_keys:read',
  'license_keys:write',
  'customer_portal:read',
  'customer_portal:write',
  'notifications:read',
  'notifications:write',
  'notification_recipients:read',
  'notification_recipients:write',
] as const;

/** @inline */
type KnownScope = (typeof polarScopes)[number];

/**
 * A scope of Polar; any other string is accepted too, since Polar adds scopes now and then.
 *
 * @group OAuth client
 */
export type PolarScope = KnownScope | (string & {});

/**
 * Scopes, as a list or as a space-separated string: `['openid', 'email']` and `'openid email'` are the same.
 *
 * @group OAuth client
 */
export type PolarScopes = PolarScope | readonly PolarScope[];

/**
 * Returns scopes as the `scope` parameter (RFC 6749 section 3.3).
 *
 * @throws PolarConfigurationError `invalid_option` unless they are a string or a list of strings
 */
export function scopeParameter(scopes: PolarScopes): string {
  return checkList(scopes, 'scope').join(' ');
}

/**
 * Explains which scopes Polar may have refused: Polar says only that one is invalid. Not a check before the request, because
 * Polar adds scopes now and then.
 *
 * @returns a sentence with a leading space; empty if all scopes are known
 */
export function aboutUnknownScopes(scopes: readonly string[]): string {
  const unknown = scopes.filter((scope) => !polarScopes.some((each) => each === scope));
  if (unknown.length === 0) return '';
  const named = unknown.map((scope) => {
    const meant = closest(scope, polarScopes);
    return meant === undefined ? `'${scope}'` : `'${scope}' (did you mean '${meant}'?)`;
  });
  return ` Unknown to this version of passport-polar-sh: ${named.join(', ')}.`;
}
