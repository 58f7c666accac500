import type { DirectoryOrganization } from '../users/directory.js';
import { derivedUUID } from '../uuid.js';

/** An organization as Polar's API returns a new one: only its name is set. */
export function describeOrganization({ id, slug, name, ssoEnforced }: DirectoryOrganization): object {
  return {
    created_at: '2025-07-01T00:00:00Z',
    modified_at: null,
    id,
    name,
    slug,
    avatar_url: null,
    proration_behavior: 'prorate',
    allow_customer_updates: true,
    ...allOf('bio company blog location twitter_username', null),
    pledge_minimum_amount: 0,
    pledge_badge_show_amount: false,
    ...allOf('default_upfront_split_to_contributors email website', null),
    socials: [],
    status: 'active',
    ...allOf('details_submitted_at onboarding_resubmission_requested_at', null),
    sso_enforced: ssoEnforced,
    default_presentment_currency: 'usd',
    default_tax_behavior: 'location',
    feature_settings: { ...allOf(FEATURES, false), overview_metrics: null, ...allOf(NEWER_FEATURES, false) },
    subscription_settings: {
      allow_multiple_subscriptions: false,
      proration_behavior: 'prorate',
      benefit_revocation_grace_period: 0,
      prevent_trial_abuse: false,
      allow_customer_updates: true,
    },
    customer_email_settings: allOf(CUSTOMER_EMAILS, true),
    customer_portal_settings: {
      usage: { show: true },
      subscription: { update_seats: true, update_plan: true },
      customer: { allow_email_change: false },
    },
    dispute_settings: { auto_accept_below_amount: null },
    embed_hosts: [],
    embed_hosts_enforced: true,
    country: null,
    account_id: derivedUUID(id),
    payout_account_id: null,
    capabilities: allOf(CAPABILITIES, true),
    notification_settings: {
      ...allOf('new_order new_subscription chargeback_prevention', true),
      subscription_renewal: false,
    },
  };
}

const FEATURES = `issue_funding_enabled seat_based_pricing_enabled unit_based_pricing_enabled wallets_enabled
  member_model_enabled checkout_localization_enabled`;

const NEWER_FEATURES = `reset_proration_behavior_enabled off_session_charges_enabled meter_cycling_enabled
  slack_benefit_enabled preview_access_enabled disputes_enabled sso_enabled dispute_auto_accept_enabled compass_enabled
  merchant_migration_enabled`;

const CUSTOMER_EMAILS = `order_confirmation payment_method_expiration_reminder subscription_cancellation
  subscription_confirmation subscription_cycled subscription_cycled_after_trial subscription_past_due
  subscription_paused subscription_resumed subscription_renewal_reminder subscription_revoked
  subscription_trial_conversion_reminder subscription_uncanceled subscription_updated`;

const CAPABILITIES = 'checkout_payments subscription_renewals payouts refunds api_access dashboard_access';

function allOf<Value>(names: string, value: Value): Record<string, Value> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, value]));
}
