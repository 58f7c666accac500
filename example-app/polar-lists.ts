/** An organization, as the page shows it. */
export interface Organization {
  readonly name: string;
  readonly slug: string;
}

/** A product, as the page shows it. */
export interface Product {
  readonly name: string;
  /** Such as `$49.00`; undefined if it has no fixed price. */
  readonly price: string | undefined;
  /** Such as `month`; undefined for a one-time purchase. */
  readonly interval: string | undefined;
}

/** The organizations in a response of the API. */
export function parseOrganizations(response: unknown): Organization[] {
  return itemsOf(response).map(({ name, slug }) => ({
    name: String(name ?? slug ?? ''),
    slug: String(slug ?? ''),
  }));
}

/** The products in a response of the API. */
export function parseProducts(response: unknown): Product[] {
  return itemsOf(response).map(({ name, recurring_interval: interval, prices }) => ({
    name: String(name ?? ''),
    price: priceOf(Array.isArray(prices) ? prices[0] : undefined),
    interval: typeof interval === 'string' ? interval : undefined,
  }));
}

function priceOf(price: unknown): string | undefined {
  const { price_amount: cents, price_currency: currency } = (price ?? {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof cents !== 'number' || typeof currency !== 'string' || !/^[a-z]{3}$/i.test(currency))
    return undefined;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  // Yen, say, have no cents.
  return format.format(cents / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

function itemsOf(response: unknown): Readonly<Record<string, unknown>>[] {
  const items = (response as { items?: unknown } | null)?.items;
  return Array.isArray(items) ? items.filter((item) => typeof item === 'object' && item !== null) : [];
}
