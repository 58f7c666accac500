/**
 * "Log in with Polar" for Express: {@link PolarStrategy} logs users in, {@link polarTokens} gives each request an access token
 * that is valid, the guards protect pages, and {@link PolarOAuthClient} has the rest of Polar's OAuth API.
 *
 * @module passport-polar-sh
 * @packageDocumentation
 */
export type { PolarOrganization, PolarOrganizations } from './api/organizations.js';
export type { PolarAccess, PolarAccessToken } from './api/polar-access.js';
export { type PolarSDKCore, type PolarSDKRequestOptions, sdkCore } from './api/sdk-core.js';
export type { Unfinished } from './async/background-work.js';
export type {
  BearerRequirements,
  PolarBearerStrategyOptions,
  PolarBearerUser,
  PolarBearerVerify,
  VerifiedToken,
} from './bearer/bearer-options.js';
export { PolarBearerStrategy } from './bearer/bearer-strategy.js';
export type {
  AuthorizationParameters,
  ExtraParameters,
  Prompt,
  SubType,
} from './client/authorization-url.js';
export type { CallOptions } from './client/call-options.js';
export type { TokenEndpointAuthMethod } from './client/client-authentication.js';
export type { ClientMetadata, ClientRegistration } from './client/client-metadata.js';
export type { PolarClientOptions } from './client/client-options.js';
export type { Introspection } from './client/introspection.js';
export { PolarOAuthClient } from './client/oauth-client.js';
export type { PolarScope, PolarScopes } from './client/polar-scope.js';
export type { RegistrationAccess, Registrations } from './client/registrations.js';
export { PolarRegistrationClient, type RegistrationClientOptions } from './client/registrations.js';
export type { TokenResponse } from './client/token-response.js';
export type { UserInfo } from './client/user-info.js';
export type { WebSessionGrant } from './client/web-session-grant.js';
export {
  type IdTokenErrorCode,
  type LoginFailureCode,
  type OAuthErrorCode,
  PolarAPIVersionError,
  PolarAuthorizationError,
  PolarConfigurationError,
  PolarError,
  type PolarErrorCode,
  PolarIdTokenError,
  PolarInsufficientScopeError,
  PolarLoginFailedError,
  PolarLoginRequiredError,
  PolarOAuthError,
  PolarOrganizationError,
  PolarResponseError,
  PolarTransientError,
} from './errors.js';
export { disconnect } from './express/disconnect.js';
export type { LoginPathOptions } from './express/login-path.js';
export { type LogoutOptions, logout } from './express/logout.js';
export type { PolarRequest } from './express/polar-request.js';
export { polarTokens } from './express/polar-tokens.js';
export { loginOnAuthError, requireLogin } from './express/require-login.js';
export { type OrganizationOf, requireOrganization } from './express/require-organization.js';
export { requireScope } from './express/require-scope.js';
export type { Fetch } from './http/http.js';
export type { IdTokenClaims } from './id-token/check-claims.js';
export { type VerifyIdTokenOptions, verifyIdToken } from './id-token/verify-id-token.js';
export type { LoginEndReason } from './login-end-reason.js';
export type { CustomPolarServer, DiscoveredServer, PolarServer, ServerEndpoints } from './options/server.js';
export type { LoginFailure } from './passport/login-outcome.js';
export type { PolarProfile } from './passport/profile.js';
export type { PolarAuthenticateOptions } from './passport/request-options.js';
export { PolarStrategy, type PolarStrategyConstructor } from './passport/strategy-constructor.js';
export type {
  ClassicVerify,
  ClassicVerifyWithParams,
  PolarVerify,
  VerifiedLogin,
  WithRequest,
} from './passport/verify-callback.js';
export type { PolarDiagnostic, PolarDiagnosticChannels, PolarDiagnosticEvents } from './polar-diagnostic.js';
export type { LoginEnded, OnLoginEnded } from './refresh/on-login-ended.js';
export type { VerifyDone, VerifyResult } from './request/app-callbacks.js';
export type { BearerRouteOptions, LoginRouteOptions } from './route-options.js';
export type { PolarStorage, StorageKey, StorageStep, StoredRow } from './storage/polar-storage.js';
export type { PolarStrategyOptions } from './strategy-options.js';
export type { TokenSet } from './tokens/token-set.js';
export type { UserKey } from './tokens/user-identity.js';
export type { WarningCode } from './warnings.js';
