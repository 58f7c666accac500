import { requireScope } from '../bearer.js';
import { jsonAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, lastValue } from '../http/message.js';
import type { EmulatorState } from '../state.js';
import type { TokenRecord } from '../stores/tokens.js';
import { accessibleOrganizations, type DirectoryOrganization } from '../users/directory.js';
import { parseUUID } from '../uuid.js';
import { type Complaint, validationRefusal } from '../validation/complaint.js';
import { pageOf, readPaging } from './api-paging.js';
import { readSorting, sortOrganizations } from './organization-sorting.js';
import { uuidProblem } from './uuid-problem.js';

const SCOPES = ['organizations:write', 'organizations:read'];

/** `GET /v1/organizations/`: those of the token, which may be fewer than the user's. */
export function listOrganizations(request: EmulatorRequest, state: EmulatorState): Answer {
  const { query } = request;
  const own = organizationsOf(requireScope(request, state, SCOPES));
  const complaints: Complaint[] = [];
  const paging = readPaging(query, complaints);
  const criteria = readSorting(query, complaints);
  if (complaints.length > 0) throw validationRefusal(complaints);
  const slug = lastValue(query, 'slug');
  const organizations = own.filter((organization) => slug === undefined || organization.slug === slug);
  return jsonAnswer(200, pageOf(sortOrganizations(organizations, criteria).map(describe), paging));
}

/** `GET /v1/organizations/:id`. */
export function getOrganization(request: EmulatorRequest, state: EmulatorState): Answer {
  const own = organizationsOf(requireScope(request, state, SCOPES));
  const input = decoded(request.path.split('/').at(-1) ?? '');
  const wanted = parseUUID(input);
  const organization = own.find(({ id }) => id === wanted);
  if (organization !== undefined) return jsonAnswer(200, describe(organization));
  const problem = uuidProblem(input);
  if (problem !== undefined) throw validationRefusal([{ ...problem, loc: ['path', 'id'], input }]);
  return jsonAnswer(404, { error: 'ResourceNotFound', detail: 'Not found' });
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function organizationsOf({ subject, organizationIDs }: TokenRecord): readonly DirectoryOrganization[] {
  if (subject.type === 'organization') return [subject.organization];
  return organizationIDs.length === 0
    ? accessibleOrganizations(subject.user)
    : subject.user.organizations.filter(({ id }) => organizationIDs.includes(id));
}

/** An organization as Polar's API shows it, with everything the @polar-sh/sdk insists on. */
function describe({ id, slug, name, ssoEnforced }: DirectoryOrganization): Record<string, unknown> {
  return {
    created_at: '2026-01-01T00:00:00Z',
    modified_at: null,
    id,
    name,
    slug,
    avatar_url: null,
    proration_behavior: 'prorate',
    allow_customer_updates: true,
    email: `hello@${slug}.example.com`,
    website: null,
    socials: [],
    status: 'active',
    details_submitted_at: '2026-01-01T00:00:00Z',
    sso_enforced: ssoEnforced,
    default_presentment_currency: 'usd',
    default_tax_behavior: 'location',
    feature_settings: null,
    subscription_settings: {
      allow_multiple_subscriptions: false,
      proration_behavior: 'prorate',
      benefit_revocation_grace_period: 0,
      prevent_trial_abuse: false,
      allow_customer_updates: true,
    },
    customer_email_settings: EMAIL_SETTINGS,
    customer_portal_settings: {
      usage: { show: true },
      subscription: { update_seats: true, update_plan: true },
    },
    country: null,
    account_id: null,
    payout_account_id: null,
    capabilities: {
      checkout_payments: true,
      subscription_renewals: true,
      payouts: true,
      refunds: true,
      api_access: true,
      dashboard_access: true,
    },
  };
}

const EMAIL_SETTINGS = Object.fromEntries(
  [
    'order_confirmation',
    'subscription_cancellation',
    'subscription_confirmation',
    'subscription_cycled',
    'subscription_cycled_after_trial',
    'subscription_past_due',
    'subscription_paused',
    'subscription_resumed',
    'subscription_renewal_reminder',
    'subscription_revoked',
    'subscription_trial_conversion_reminder',
    'subscription_uncanceled',
    'subscription_updated',
  ].map((kind) => [kind, true]),
);
