/**
 * Every route of Polar's API, in the order in which Polar looks through them. A family begins at the margin: the
 * beginning that its paths have in common and, after a colon, the resource of its scopes where that is not its name. Then
 * come its paths (`.` is the beginning itself, `*` any segment), each followed by its methods and who may use them:
 *
 * - `r`, `w`, `rw`: who has the scope `read`, `write`, or either, of the family's resource or of the ones named; with
 *   `!`, users only, not legacy tokens of organizations. Where nothing is said, it is `rw` for GET and `w` for others
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
  /orders/*/payment-status GET.c /orders/*/confirm-payment POST.c /subscriptions/ GET.c /subscriptions/* GET.c
  PATCH.c DELETE.c /subscriptions/*/charge-preview GET.c /subscriptions/*/cancel-preview GET.c
  /subscriptions/*/change-preview POST.c /subscriptions/*/revoke POST.c /downloadables/ GET.c /downloadables/*
  GET.- /license-keys/ GET.c /license-keys/* GET.c /license-keys/*/rotate POST.c /license-keys/validate POST.-
  /license-keys/activate POST.- /license-keys/deactivate POST.- /me GET.s PATCH.s DELETE.w!
  /me/organizations/*/notification-settings PATCH.w! GET.rw! /me/scopes GET.u /me/identity-verification POST.s
  /me/oauth-accounts/* DELETE.s
/v1/integrations:organizations /github/secret-scanning POST.- /github_repository_benefit/user/authorize GET.s
  /github_repository_benefit/user/callback GET.s /github_repository_benefit/user/repositories GET.s
  /github_repository_benefit/installation/install GET.s /github_repository_benefit/installation/callback GET.s
  /stripe/refresh GET.a /stripe/webhook POST.- /stripe/webhook-connect POST.- /stripe/webhook-account-risk
  POST.- /discord/bot/authorize GET.s /discord/bot/callback GET.s /discord/guild/lookup GET.s /slack GET
  /slack/users GET /slack/manifest POST /slack/credentials POST /slack/authorize GET.w /slack/callback GET.w
  /slack/* GET DELETE /slack/events POST.- /plain/cards POST.- /resend/webhook POST.- /chargeback-stop/webhook
  POST.- /polar/webhook POST.-
/v1/notifications:notification_recipients . GET.notifications:r! /read POST.notifications:w! /recipients POST.w!
  GET.rw! /recipients/* DELETE.w!
/v1/personal_access_tokens / GET.s /* DELETE.s
/v1/accounts:payouts /* GET.rw+transactions:rw! PATCH.rw+transactions:rw! /*/credits GET.rw+transactions:rw!
/v1/stream:organizations /user GET.s /organizations/* GET
/v1/organizations / GET POST.w! /* GET PATCH DELETE.w! /*/account GET.payouts:rw+transactions:rw
  /*/payout-account PATCH.w! /*/kyc GET /*/embed-status GET /check-slug POST.w! /*/enable-preview-access POST
  /*/submit-review POST /*/payment-status GET.- /*/members GET /*/roles GET /*/members/invite POST.w!
  /*/members/leave DELETE.w! /*/members/* DELETE.w! PATCH.members:w! /*/ai-validation POST /*/appeal POST
  /*/appeal/human-review POST.w! /*/ai-onboarding-complete POST /*/review-status GET /*/review GET
  /*/validate-website POST /*/plans GET /*/subscription GET POST PATCH DELETE /*/startup-program/claim POST
  /*/orders GET /*/billing-details GET.rw! PATCH.w! /*/payment-methods GET.rw! /*/customer-session POST.w!
  /*/payment-methods/* DELETE.w! /*/payment-methods/*/default POST.w! /*/orders/*/invoice GET /*/benefit-grants
  GET.rw! /*/benefit-grants/* PATCH.w! /*/sso-connections/ GET POST.w! /*/sso-connections/* GET PATCH.w!
  DELETE.w!
/v1/subscriptions / GET POST /export GET /* GET PATCH DELETE /*/charge-preview GET /*/cancel-preview GET
  /*/change-preview POST
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
/v1/benefits / GET POST /* GET PATCH DELETE /*/files GET /*/grants GET /slack/preview-channel-name POST
/v1/benefit-grants:benefits / GET
/v1/webhooks /endpoints GET POST /endpoints/* GET PATCH DELETE /endpoints/*/secret PATCH /deliveries GET
  /events/*/redeliver POST
/v1/products / GET POST /* GET PATCH /*/benefits POST
/v1/orders / GET.r POST /export GET.r /* GET.r PATCH /*/finalize POST /*/invoice POST.r GET.r /*/receipt GET.r
/v1/refunds / GET POST
/v1/disputes / GET /* GET /*/accept POST
/v1/support-cases:organizations / GET /* GET /*/messages POST.w! /*/attachments/*/download GET
/v1/checkouts /custom/ GET POST /custom/* GET PATCH /custom/client/* GET.- PATCH.- /custom/client/*/confirm
  POST.- /custom/client/*/opened POST.- /custom/client/*/stream GET.- / GET POST /* GET PATCH /client/* GET.-
  PATCH.- /client/*/confirm POST.- /client/*/opened POST.- /client/*/stream GET.-
/v1/cli:webhooks /listen/* GET
/v1/files / GET POST /*/download GET /*/uploaded POST /* PATCH DELETE
/v1/metrics / GET.r /export GET.r /limits GET.r /dashboards GET.r POST /dashboards/* GET.r PATCH DELETE
/v1/compass:metrics /insights GET.r! /threads GET.r! /threads/* GET.r! PATCH.w! DELETE.w! /threads/*/messages
  GET.r! /assistant POST.r!
/v1/license-keys / GET /* GET PATCH /*/rotate POST /*/activations/* GET /validate POST /activate POST
  /deactivate POST
/v1/checkout-links / GET POST /* GET PATCH DELETE /*/redirect GET.-
/v1/custom-fields / GET POST /* GET PATCH DELETE
/v1/discounts / GET POST /* GET PATCH DELETE
/v1/customers / GET POST /export GET /growth GET /top GET /* GET PATCH DELETE /external/* GET PATCH DELETE
  /*/state GET /external/*/state GET /*/payment-methods GET /external/*/payment-methods GET /*/members
  POST.members:w /external/*/members POST.members:w /*/members/* GET.members:rw PATCH.members:w DELETE.members:w
  /external/*/members/* GET.members:rw PATCH.members:w DELETE.members:w
/v1/members / GET POST /* GET PATCH DELETE /external/* GET PATCH DELETE
/v1/customer-portal /benefit-grants/ GET.c /benefit-grants/* GET.c PATCH.c /customers/stream GET.c /customers/me
  GET.c PATCH.c /customers/me/export GET.c /customers/me/payment-methods GET.c POST.c
  /customers/me/payment-methods/confirm POST.c /customers/me/payment-methods/* DELETE.c
  /customers/me/email-update/request POST.c /customers/me/email-update/check GET.-
  /customers/me/email-update/verify POST.- /meters/ GET.c /meters/* GET.c /seats GET.c POST.c /seats/* DELETE.c
  /seats/*/resend POST.c /seats/subscriptions GET.c /customer-session/request POST.-
  /customer-session/authenticate POST.- /customer-session/introspect GET.c /customer-session/user GET.c
  /downloadables/ GET.c /downloadables/* GET.- /license-keys/ GET.c /license-keys/* GET.c /license-keys/*/rotate
  POST.c /license-keys/validate POST.- /license-keys/activate POST.- /license-keys/deactivate POST.- /members
  GET.c POST.c /members/* PATCH.c DELETE.c /oauth-accounts/authorize GET.- /oauth-accounts/callback GET.-
  /orders/ GET.c /orders/* GET.c PATCH.c /orders/*/invoice POST.c GET.c /orders/*/receipt GET.c
  /orders/*/payment-status GET.c /orders/*/confirm-payment POST.c /organizations/* GET.- /subscriptions/ GET.c
  /subscriptions/* GET.c PATCH.c DELETE.c /subscriptions/*/charge-preview GET.c /subscriptions/*/cancel-preview
  GET.c /subscriptions/*/change-preview POST.c /subscriptions/*/revoke POST.c /wallets/ GET.c /wallets/* GET.c
/v1/customer-seats . POST GET.r /* DELETE /*/resend POST /claim/* GET.- /claim/*/stream GET.- /claim POST.-
/v1/merchant-migrations:organizations / GET POST /* GET /*/precheck POST /*/import POST /*/pan-transfer GET.w
  POST /*/pan-transfer/steps/*/complete POST /*/cutover GET.w POST /*/records/summary GET.w /*/records GET.w
/v1/email-update /request POST.s /verify POST.s
/v1/customer-sessions / POST
/v1/events / GET /statistics/by-property GET /statistics/by-customer GET /statistics/by-variance GET
  /statistics/timeseries GET /names GET /* GET /ingest POST
/v1/event-types:events / GET /* PATCH
/v1/meters / GET POST /* GET PATCH /*/quantities GET
/v1/organization-access-tokens / GET.s POST.s /* PATCH.s DELETE.s
/v1/customer-meters / GET.r /* GET.r
/v1/payments / GET.r /* GET.r
/v1/payouts / GET.r! POST.w! /estimate GET.r! /*/csv GET.r! /*/invoice POST.w! GET.r!
/v1/search:customers . GET.rw+orders:r+products:rw+subscriptions:rw!
/v1/wallets / GET.r /* GET.r /*/top-up POST
/v1/payout-accounts:payouts / GET.s POST.s /* GET.rw! DELETE.rw! /*/sync POST.rw! /*/onboarding-link POST.rw!
  /*/dashboard-link POST.rw!
/v1/feedbacks / POST.s
/2026-04/openapi.json . GET.-
/2026-10/openapi.json . GET.-
`;
