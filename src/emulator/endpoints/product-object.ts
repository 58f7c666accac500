import type { DirectoryOrganization, DirectoryProduct } from '../users/directory.js';
import { derivedUUID } from '../uuid.js';

const CREATED = { created_at: '2025-07-01T00:00:00Z', modified_at: null };

/** A product as Polar's API shows one with a single fixed price, the same in all its versions. */
export function describeProduct(
  product: DirectoryProduct,
  { id: organizationID }: DirectoryOrganization,
): object {
  const { id, name, priceAmount, recurringInterval } = product;
  const isRecurring = recurringInterval !== null;
  return {
    ...CREATED,
    id,
    trial_interval: null,
    trial_interval_count: null,
    name,
    description: null,
    visibility: 'public',
    recurring_interval: recurringInterval,
    recurring_interval_count: isRecurring ? 1 : null,
    meter_interval: null,
    meter_interval_count: null,
    is_recurring: isRecurring,
    is_archived: false,
    organization_id: organizationID,
    metadata: {},
    is_deletable: true,
    prices: [
      {
        ...CREATED,
        id: derivedUUID(id),
        source: 'catalog',
        amount_type: 'fixed',
        price_currency: 'usd',
        tax_behavior: null,
        is_archived: false,
        product_id: id,
        // Polar's server still sends these two, which its reference and its SDK no longer have.
        type: isRecurring ? 'recurring' : 'one_time',
        recurring_interval: recurringInterval,
        price_amount: priceAmount,
      },
    ],
    benefits: [],
    medias: [],
    attached_custom_fields: [],
  };
}
