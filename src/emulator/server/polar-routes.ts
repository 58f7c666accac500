/**
 * Every route of Polar's API, in the order in which Polar looks through them. A family begins at the margin: the
 * beginning that its paths have in common and, after a colon, the resource of its scopes where that is not its name. Then
 * come its paths (`.` is the beginning itself, `*` any segment), each followed by its methods and who may use them:
 *
 * - `r`, `w`, `rw`: who has the scope `read`, `write`, or either, of the family's resource or of the ones named; with
 *   `!`, users only, not legacy tokens of organizations
 * - `u`: every user
 * - `s`: Polar's own web app only, so no token
 * - `a`: the same and everybody without a token
 * - `c`: customers of Polar's users, for whom there are other tokens
 * - `-`: anybody
 */
export const POLAR_ROUTES = `
/.well-known/jwks.json . GET.-
/.well-known/openid-configuration . GET.-
/healthz . GET.-
/v1/users:user /orders/ GET.c /orders/* GET.c PATCH.c /orders/*/invoice POST.c GET.c /orders/*/receipt GET.c
  /orders/*/payment-status GET.c /orders/*/confirm-payment POST.c /subscriptions/ GET.c /subscriptions/*
  GET.c PATCH.c DELETE.c /subscriptions/*/charge-preview GET.c /subscriptions/*/cancel-preview GET.c
  /subscriptions/*/change-preview POST.c /subscriptions/*/revoke POST.c /downloadables/ GET.c
  /downloadables/* GET.- /license-keys/ GET.c /license-keys/* GET.c /license-keys/*/rotate POST.c
  /license-keys/validate POST.- /license-keys/activate POST.- /license-keys/deactivate POST.- /me GET.s
  PATCH.s DELETE.w! /me/organizations/*/notification-settings PATCH.w! GET.rw! /me/scopes GET.u
  /me/identity-verification POST.s /me/oauth-accounts/* DELETE.s
/v1/integrations:organizations /github/secret-scanning POST.- /github_repository_benefit/user/authorize
  GET.s /github_repository_benefit/user/callback GET.s /github_repository_benefit/user/repositories GET.s
  /github_repository_benefit/installation/install GET.s /github_repository_benefit/installation/callback
  GET.s /stripe/refresh GET.a /stripe/webhook POST.- /stripe/webhook-connect POST.-
  /stripe/webhook-account-risk POST.- /discord/bot/authorize GET.s /discord/bot/callback GET.s
  /discord/guild/lookup GET.s /slack GET.rw /slack/users GET.rw /slack/manifest POST.w /slack/credentials
  POST.w /slack/authorize GET.w /slack/callback GET.w /slack/* GET.rw DELETE.w /slack/events POST.-
  /plain/cards POST.- /resend/webhook POST.- /chargeback-stop/webhook POST.- /polar/webhook POST.-
/v1/notifications:notification_recipients . GET.notifications:r! /read POST.notifications:w! /recipients
  POST.w! GET.rw! /recipients/* DELETE.w!
/v1/personal_access_tokens / GET.s /* DELETE.s
/v1/accounts:payouts /* GET.rw+transactions:rw! PATCH.rw+transactions:rw! /*/credits GET.rw+transactions:rw!
/v1/stream:organizations /user GET.s /organizations/* GET.rw
/v1/organizations / GET.rw POST.w! /* GET.rw PATCH.w DELETE.w! /*/account GET.payouts:rw+transactions:rw
  /*/payout-account PATCH.w! /*/kyc GET.rw /*/embed-status GET.rw /check-slug POST.w!
  /*/enable-preview-access POST.w /*/submit-review POST.w /*/payment-status GET.- /*/members GET.rw /*/roles
  GET.rw /*/members/invite POST.w! /*/members/leave DELETE.w! /*/members/* DELETE.w! PATCH.members:w!
  /*/ai-validation POST.w /*/appeal POST.w /*/appeal/human-review POST.w! /*/ai-onboarding-complete POST.w
  /*/review-status GET.rw /*/review GET.rw /*/validate-website POST.w /*/plans GET.rw /*/subscription GET.rw
  POST.w PATCH.w DELETE.w /*/startup-program/claim POST.w /*/orders GET.rw /*/billing-details GET.rw!
  PATCH.w! /*/payment-methods GET.rw! /*/customer-session POST.w! /*/payment-methods/* DELETE.w!
  /*/payment-methods/*/default POST.w! /*/orders/*/invoice GET.rw /*/benefit-grants GET.rw!
  /*/benefit-grants/* PATCH.w! /*/sso-connections/ GET.rw POST.w! /*/sso-connections/* GET.rw PATCH.w!
  DELETE.w!
/v1/subscriptions / GET.rw POST.w /export GET.rw /* GET.rw PATCH.w DELETE.w /*/charge-preview GET.rw
  /*/cancel-preview GET.rw /*/change-preview POST.w
/v1/transactions /search GET.r! /export GET.r! /summary GET.r!
/v1/taxes:transactions /jurisdictions GET.r /summary GET.r
/v1/auth /apple/authorize GET.- /apple/callback POST.- /github/authorize GET.- /github/callback GET.-
  /github/link/authorize GET.s /github/link/callback GET.s /google/authorize GET.- /google/callback GET.-
  /google/link/authorize GET.s /google/link/callback GET.s /*/start POST.- /*/sso/*/authorize GET.-
  /*/sso/callback GET.- /*/complete GET.- /logout GET.- /start POST.- /status GET.- /complete GET.a
  /email-otp/request POST.- /email-otp/verify POST.- /totp GET.s POST.s DELETE.s /totp/enable POST.s
  /totp/verify POST.- /backup-codes GET.s POST.s /backup-codes/verify POST.-
/v1/oauth2 / GET.s /register POST.a /register/* GET.a PUT.a DELETE.a /authorize GET.a /consent POST.s /token
  POST.- /revoke POST.- /introspect POST.- /userinfo GET.- POST.-
/v1/benefits / GET.rw POST.w /* GET.rw PATCH.w DELETE.w /*/files GET.rw /*/grants GET.rw
  /slack/preview-channel-name POST.w
/v1/benefit-grants:benefits / GET.rw
/v1/webhooks /endpoints GET.rw POST.w /endpoints/* GET.rw PATCH.w DELETE.w /endpoints/*/secret PATCH.w
  /deliveries GET.rw /events/*/redeliver POST.w
/v1/products / GET.rw POST.w /* GET.rw PATCH.w /*/benefits POST.w
/v1/orders / GET.r POST.w /export GET.r /* GET.r PATCH.w /*/finalize POST.w /*/invoice POST.r GET.r
  /*/receipt GET.r
/v1/refunds / GET.rw POST.w
/v1/disputes / GET.rw /* GET.rw /*/accept POST.w
/v1/support-cases:organizations / GET.rw /* GET.rw /*/messages POST.w! /*/attachments/*/download GET.rw
/v1/checkouts /custom/ GET.rw POST.w /custom/* GET.rw PATCH.w /custom/client/* GET.- PATCH.-
  /custom/client/*/confirm POST.- /custom/client/*/opened POST.- /custom/client/*/stream GET.- / GET.rw
  POST.w /* GET.rw PATCH.w /client/* GET.- PATCH.- /client/*/confirm POST.- /client/*/opened POST.-
  /client/*/stream GET.-
/v1/cli:webhooks /listen/* GET.rw
/v1/files / GET.rw POST.w /*/download GET.rw /*/uploaded POST.w /* PATCH.w DELETE.w
/v1/metrics / GET.r /export GET.r /limits GET.r /dashboards GET.r POST.w /dashboards/* GET.r PATCH.w
  DELETE.w
/v1/compass:metrics /insights GET.r! /threads GET.r! /threads/* GET.r! PATCH.w! DELETE.w!
  /threads/*/messages GET.r! /assistant POST.r!
/v1/license-keys / GET.rw /* GET.rw PATCH.w /*/rotate POST.w /*/activations/* GET.rw /validate POST.w
  /activate POST.w /deactivate POST.w
/v1/checkout-links / GET.rw POST.w /* GET.rw PATCH.w DELETE.w /*/redirect GET.-
/v1/custom-fields / GET.rw POST.w /* GET.rw PATCH.w DELETE.w
/v1/discounts / GET.rw POST.w /* GET.rw PATCH.w DELETE.w
/v1/customers / GET.rw POST.w /export GET.rw /growth GET.rw /top GET.rw /* GET.rw PATCH.w DELETE.w
  /external/* GET.rw PATCH.w DELETE.w /*/state GET.rw /external/*/state GET.rw /*/payment-methods GET.rw
  /external/*/payment-methods GET.rw /*/members POST.members:w /external/*/members POST.members:w
  /*/members/* GET.members:rw PATCH.members:w DELETE.members:w /external/*/members/* GET.members:rw
  PATCH.members:w DELETE.members:w
/v1/members / GET.rw POST.w /* GET.rw PATCH.w DELETE.w /external/* GET.rw PATCH.w DELETE.w
/v1/customer-portal /benefit-grants/ GET.c /benefit-grants/* GET.c PATCH.c /customers/stream GET.c
  /customers/me GET.c PATCH.c /customers/me/export GET.c /customers/me/payment-methods GET.c POST.c
  /customers/me/payment-methods/confirm POST.c /customers/me/payment-methods/* DELETE.c
  /customers/me/email-update/request POST.c /customers/me/email-update/check GET.-
  /customers/me/email-update/verify POST.- /meters/ GET.c /meters/* GET.c /seats GET.c POST.c /seats/*
  DELETE.c /seats/*/resend POST.c /seats/subscriptions GET.c /customer-session/request POST.-
  /customer-session/authenticate POST.- /customer-session/introspect GET.c /customer-session/user GET.c
  /downloadables/ GET.c /downloadables/* GET.- /license-keys/ GET.c /license-keys/* GET.c
  /license-keys/*/rotate POST.c /license-keys/validate POST.- /license-keys/activate POST.-
  /license-keys/deactivate POST.- /members GET.c POST.c /members/* PATCH.c DELETE.c
  /oauth-accounts/authorize GET.- /oauth-accounts/callback GET.- /orders/ GET.c /orders/* GET.c PATCH.c
  /orders/*/invoice POST.c GET.c /orders/*/receipt GET.c /orders/*/payment-status GET.c
  /orders/*/confirm-payment POST.c /organizations/* GET.- /subscriptions/ GET.c /subscriptions/* GET.c
  PATCH.c DELETE.c /subscriptions/*/charge-preview GET.c /subscriptions/*/cancel-preview GET.c
  /subscriptions/*/change-preview POST.c /subscriptions/*/revoke POST.c /wallets/ GET.c /wallets/* GET.c
/v1/customer-seats . POST.w GET.r /* DELETE.w /*/resend POST.w /claim/* GET.- /claim/*/stream GET.- /claim
  POST.-
/v1/merchant-migrations:organizations / GET.rw POST.w /* GET.rw /*/precheck POST.w /*/import POST.w
  /*/pan-transfer GET.w POST.w /*/pan-transfer/steps/*/complete POST.w /*/cutover GET.w POST.w
  /*/records/summary GET.w /*/records GET.w
/v1/email-update /request POST.s /verify POST.s
/v1/customer-sessions / POST.w
/v1/events / GET.rw /statistics/by-property GET.rw /statistics/by-customer GET.rw /statistics/by-variance
  GET.rw /statistics/timeseries GET.rw /names GET.rw /* GET.rw /ingest POST.w
/v1/event-types:events / GET.rw /* PATCH.w
/v1/meters / GET.rw POST.w /* GET.rw PATCH.w /*/quantities GET.rw
/v1/organization-access-tokens / GET.s POST.s /* PATCH.s DELETE.s
/v1/customer-meters / GET.r /* GET.r
/v1/payments / GET.r /* GET.r
/v1/payouts / GET.r! POST.w! /estimate GET.r! /*/csv GET.r! /*/invoice POST.w! GET.r!
/v1/search:customers . GET.rw+orders:r+products:rw+subscriptions:rw!
/v1/wallets / GET.r /* GET.r /*/top-up POST.w
/v1/payout-accounts:payouts / GET.s POST.s /* GET.rw! DELETE.rw! /*/sync POST.rw! /*/onboarding-link
  POST.rw! /*/dashboard-link POST.rw!
/v1/feedbacks / POST.s
/2026-04/openapi.json . GET.-
/2026-10/openapi.json . GET.-
`;
