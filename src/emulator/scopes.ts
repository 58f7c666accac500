const RESOURCES: ReadonlyArray<readonly [name: string, access: string, words: string]> = [
  ['user', 'rw', 'your account'],
  ['organizations', 'rw', 'your organizations'],
  ['custom_fields', 'rw', 'custom fields'],
  ['discounts', 'rw', 'discounts'],
  ['checkout_links', 'rw', 'checkout links'],
  ['checkouts', 'rw', 'checkout sessions'],
  ['transactions', 'rw', 'transactions'],
  ['payouts', 'rw', 'payouts'],
  ['products', 'rw', 'products'],
  ['benefits', 'rw', 'benefits'],
  ['events', 'rw', 'events'],
  ['meters', 'rw', 'meters'],
  ['files', 'rw', 'files'],
  ['subscriptions', 'rw', 'subscriptions'],
  ['customers', 'rw', 'customers'],
  ['members', 'rw', 'members'],
  ['wallets', 'rw', 'wallets'],
  ['disputes', 'rw', 'disputes'],
  ['customer_meters', 'r', 'customer meters'],
  ['customer_sessions', 'w', 'customer sessions'],
  ['member_sessions', 'w', 'member sessions'],
  ['customer_seats', 'rw', 'customer seats'],
  ['orders', 'rw', 'orders'],
  ['refunds', 'rw', 'refunds'],
  ['payments', 'r', 'payments'],
  ['metrics', 'rw', 'metrics'],
  ['webhooks', 'rw', 'webhooks'],
  ['license_keys', 'rw', 'license keys'],
  ['customer_portal', 'rw', 'the customer portal'],
  ['notifications', 'rw', 'notifications'],
  ['notification_recipients', 'rw', 'notification recipients'],
];

const WORDS = new Map<string, string>([
  ['openid', 'Know who you are'],
  ['profile', 'Read your profile'],
  ['email', 'Read your email address'],
]);
for (const [name, access, words] of RESOURCES) {
  if (access.includes('r')) WORDS.set(`${name}:read`, `Read ${words}`);
  if (access.includes('w')) WORDS.set(`${name}:write`, `Create and change ${words}`);
}

/** Every scope Polar knows, in the order its discovery document lists them. */
export const SUPPORTED_SCOPES: readonly string[] = [...WORDS.keys()];

/** A scope in words, for the consent page. */
export function describeScope(scope: string): string {
  return WORDS.get(scope) ?? scope;
}

/** The scopes of a space-separated list. */
export function splitScope(scope: string): string[] {
  return scope.split(/\s+/).filter((item) => item !== '');
}

/** True when apps may register for every scope of the list. */
export function isSupportedScope(scope: string): boolean {
  return splitScope(scope).every((item) => WORDS.has(item));
}

/** Scopes of Polar's own web app. No other app gets them, but asking for them is no error. */
const RESERVED_SCOPES: readonly string[] = [
  'organization_access_tokens:read',
  'organization_access_tokens:write',
];

/** True when Polar knows every scope of the list. */
export function isKnownScope(scope: string): boolean {
  return splitScope(scope).every((item) => WORDS.has(item) || RESERVED_SCOPES.includes(item));
}

/** The part of `scope` that `allowed` contains, in the order asked for. Polar drops the rest without a word. */
export function intersectScope(scope: string, allowed: string): string {
  const known = new Set(splitScope(allowed));
  return splitScope(scope)
    .filter((item) => known.has(item))
    .join(' ');
}
