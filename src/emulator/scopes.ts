/** The resources of scopes, in Polar's order: read and write, unless only one of them is named. */
const RESOURCES = `user organizations custom_fields discounts checkout_links checkouts transactions payouts products
  benefits events meters files subscriptions customers members wallets disputes customer_meters:read
  customer_sessions:write member_sessions:write customer_seats orders refunds payments:read metrics webhooks
  license_keys customer_portal notifications notification_recipients`;

/** Words for resources whose name needs explanation. */
const RESOURCE_WORDS: Readonly<Record<string, string>> = {
  user: 'your account',
  organizations: 'your organizations',
  checkouts: 'checkout sessions',
  customer_portal: 'the customer portal',
};

const WORDS = new Map<string, string>([
  ['openid', 'Know who you are'],
  ['profile', 'Read your profile'],
  ['email', 'Read your email address'],
]);
for (const resource of RESOURCES.split(/\s+/)) {
  const [name = '', only] = resource.split(':');
  const words = RESOURCE_WORDS[name] ?? name.replaceAll('_', ' ');
  if (only !== 'write') WORDS.set(`${name}:read`, `Read ${words}`);
  if (only !== 'read') WORDS.set(`${name}:write`, `Create and change ${words}`);
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

/** True if apps may register for every scope of the list. */
export function isSupportedScope(scope: string): boolean {
  return splitScope(scope).every((item) => WORDS.has(item));
}

/** Scopes of Polar's own web app. No other app gets them, but requesting them is not an error. */
const RESERVED_SCOPES: readonly string[] = [
  'organization_access_tokens:read',
  'organization_access_tokens:write',
];

/** True if Polar knows every scope of the list. */
export function isKnownScope(scope: string): boolean {
  return splitScope(scope).every((item) => WORDS.has(item) || RESERVED_SCOPES.includes(item));
}

/** The part of `scope` that `allowed` contains, in the order requested. Polar silently drops the rest. */
export function intersectScope(scope: string, allowed: string): string {
  const known = new Set(splitScope(allowed));
  return splitScope(scope)
    .filter((item) => known.has(item))
    .join(' ');
}
