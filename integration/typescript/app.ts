// All public names, as an app may use them. Compiled, and never run.
import { subscribe } from 'node:diagnostics_channel';
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import {
  type AuthorizationParameters,
  type BearerRequirements,
  type BearerRouteOptions,
  type CallOptions,
  type ClassicVerify,
  type ClassicVerifyWithParams,
  type ClientMetadata,
  type ClientRegistration,
  type CustomPolarServer,
  type DiscoveredServer,
  disconnect,
  type ExtraParameters,
  type Fetch,
  type IdTokenClaims,
  type IdTokenErrorCode,
  type Introspection,
  type LoginEnded,
  type LoginEndReason,
  type LoginFailure,
  type LoginFailureCode,
  type LoginPathOptions,
  type LoginRouteOptions,
  type LogoutOptions,
  loginOnAuthError,
  logout,
  type OAuthErrorCode,
  type OnLoginEnded,
  type OrganizationOf,
  type PolarAccess,
  type PolarAccessToken,
  PolarAPIVersionError,
  type PolarAuthenticateOptions,
  PolarAuthorizationError,
  PolarBearerStrategy,
  type PolarBearerStrategyOptions,
  type PolarBearerUser,
  type PolarBearerVerify,
  type PolarClientOptions,
  PolarConfigurationError,
  type PolarDiagnostic,
  type PolarDiagnosticChannels,
  type PolarDiagnosticEvents,
  PolarError,
  type PolarErrorCode,
  PolarIdTokenError,
  PolarInsufficientScopeError,
  PolarLoginFailedError,
  PolarLoginRequiredError,
  PolarOAuthClient,
  PolarOAuthError,
  type PolarOrganization,
  PolarOrganizationError,
  type PolarOrganizations,
  type PolarProfile,
  PolarRegistrationClient,
  type PolarRequest,
  PolarResponseError,
  type PolarScope,
  type PolarScopes,
  type PolarSDKCore,
  type PolarSDKRequestOptions,
  type PolarServer,
  type PolarStorage,
  PolarStrategy,
  type PolarStrategyConstructor,
  type PolarStrategyOptions,
  PolarTransientError,
  type PolarVerify,
  type Prompt,
  polarTokens,
  type RegistrationAccess,
  type RegistrationClientOptions,
  type Registrations,
  requireLogin,
  requireOrganization,
  requireScope,
  type ServerEndpoints,
  type StorageKey,
  type StorageStep,
  type StoredRow,
  type SubType,
  sdkCore,
  type TokenEndpointAuthMethod,
  type TokenResponse,
  type TokenSet,
  type Unfinished,
  type UserInfo,
  type UserKey,
  type VerifiedLogin,
  type VerifiedToken,
  type VerifyDone,
  type VerifyIdTokenOptions,
  type VerifyResult,
  verifyIdToken,
  type WarningCode,
  type WebSessionGrant,
  type WithRequest,
} from 'passport-polar-sh';
import {
  type PolarEmulator,
  type PolarEmulatorAPIVersion,
  type PolarEmulatorAuthMethod,
  type PolarEmulatorClient,
  type PolarEmulatorClientChanges,
  type PolarEmulatorClientMetadata,
  type PolarEmulatorConsent,
  type PolarEmulatorEndpoint,
  type PolarEmulatorFault,
  type PolarEmulatorLifetimes,
  type PolarEmulatorOptions,
  type PolarEmulatorOrganization,
  type PolarEmulatorProduct,
  type PolarEmulatorRealism,
  type PolarEmulatorRefreshRaces,
  type PolarEmulatorRequest,
  type PolarEmulatorStatusFault,
  type PolarEmulatorStrategyOptions,
  type PolarEmulatorToken,
  type PolarEmulatorTokenRequest,
  type PolarEmulatorUser,
  type PolarEmulatorVisit,
  startPolarEmulator,
} from 'passport-polar-sh/emulator';
import {
  type PostgresClient,
  type PostgresStorageOptions,
  postgresStorage,
} from 'passport-polar-sh/postgres';
import {
  type RedisClient,
  type RedisStorageOptions,
  redisStorage,
  type SendRedisClusterCommand,
  type SendRedisCommand,
} from 'passport-polar-sh/redis';

declare const redis: RedisClient;
declare const send: SendRedisCommand;
declare const sendCluster: SendRedisClusterCommand;
const redisOptions: RedisStorageOptions = { prefix: 'app:' };
const storage: PolarStorage = redisStorage(redis, redisOptions);
redisStorage({ sendCommand: send });
redisStorage({ sendCommandCluster: sendCluster });
declare const pool: PostgresClient;
const postgresOptions: PostgresStorageOptions = { table: 'app.polar_rows', createTables: true };
postgresStorage(pool, postgresOptions);

const scope: PolarScope[] = ['openid', 'email', 'organizations:read'];
const scopes: PolarScopes = process.env['SCOPES'] ?? scope;
const server: PolarServer = process.env['CI'] ? 'sandbox' : 'production';
export const localPolar: PolarServer = {
  discoveryURL: 'http://polar:4100/.well-known/openid-configuration',
  issuer: 'https://polar.sh',
  allowInsecureHTTP: true,
};
const userKey: UserKey = (user) => (user as PolarProfile).id;
const ends: Record<string, LoginEndReason> = {};
const onLoginEnded: OnLoginEnded = ({ loginId, reason }: LoginEnded) => {
  ends[loginId] = reason;
};
const options: PolarStrategyOptions = {
  clientID: 'c',
  clientSecret: process.env['POLAR_CLIENT_SECRET'],
  callbackURL: '/auth/polar/callback',
  scope,
  server,
  storage,
  userKey,
  onLoginEnded,
  apiVersion: '2026-10',
};
const verify: PolarVerify = async ({ profile, tokens, claims, loginId }: VerifiedLogin) => {
  const kept: TokenSet = tokens;
  const said: IdTokenClaims = claims;
  return { id: profile.id, email: said.email, until: kept.expiresAt, loginId };
};
export const polar = new PolarStrategy(options, verify);
new PolarStrategy(options);
new PolarStrategy(options, ({ profile }) => ({ id: profile.id }));
const classic: ClassicVerify = (_accessToken, _refreshToken, profile, done) => done(null, { id: profile.id });
const withParams: ClassicVerifyWithParams = (_access, _refresh, _params, profile, done) =>
  done(null, profile);
const withRequest: WithRequest<ClassicVerify> = (req, _access, _refresh, profile, done) =>
  done(null, { ...profile, path: req.path });
new PolarStrategy(options, classic);
new PolarStrategy(options, withParams);
new PolarStrategy({ ...options, passReqToCallback: true }, withRequest);
new PolarStrategy(options, (_access: string, _refresh: string, profile: PolarProfile, done: VerifyDone) =>
  done(null, profile),
);

new PolarStrategy({ ...options, passReqToCallback: true }, (req, _access, _refresh, profile, done) =>
  done(null, { ...profile, path: req.path }),
);
export class Subclass extends PolarStrategy {
  constructor() {
    super(options, async ({ profile }): Promise<VerifyResult> => (profile.emails ? profile : false));
  }
}
const Strategy: PolarStrategyConstructor = Subclass;
new Strategy(options, classic);

passport.use(polar);
passport.serializeUser((user, done) => done(null, user));
passport.deserializeUser((user, done) => done(null, user as Express.User));
const app = express();
app.use(session({ secret: 's', resave: false, saveUninitialized: false }));
app.use(passport.session(), polarTokens(polar));
const once = {
  subType: 'organization',
  prompt: 'login',
  returnTo: '/',
  login_hint: 'a@b.c',
} satisfies PolarAuthenticateOptions;
const route: LoginRouteOptions = { scope: ['openid'] as const, appState: { cart: 1 }, failureRedirect: '/' };
const apiRoute: BearerRouteOptions = { session: false, organizations: ['o'] };
app.get('/login', passport.authenticate('polar', route), passport.authenticate('polar-bearer', apiRoute));
app.get('/auth/polar', passport.authenticate('polar', { subType: once.subType, returnTo: once.returnTo }));
app.get(
  '/auth/polar/callback',
  passport.authenticate('polar', { successReturnToOrRedirect: '/', failWithError: true }),
);
const loginPath: LoginPathOptions = { loginPath: '/auth/polar' };
app.get(
  '/organizations',
  requireLogin(loginPath),
  requireScope('organizations:read', loginPath),
  async (req, res) => {
    const access: PolarAccess = req.polar;
    const request: PolarRequest = req.polar;
    const token: PolarAccessToken = await access.getTokens();
    const response = await request.fetch('/v1/organizations/');
    res.json([await response.json(), token.expiresAt, request.scopes]);
  },
);
// As createPolarCore of Polar's SDK is declared.
interface SDKCore extends PolarSDKCore {
  parse(response: Response): string;
}
declare function createPolarCore(options: {
  accessToken: string;
  environment?: 'sandbox' | 'production';
  baseUrl?: string;
  timeout?: number;
}): SDKCore;
app.get('/sdk', async (req, res) => {
  const core: SDKCore = sdkCore(req.polar, createPolarCore, { timeout: 30 });
  const request: PolarSDKRequestOptions = { timeout: 10 };
  res.send(core.parse(await core.sendRequest(core.buildRequest('GET', '/v1/products/'), request)));
  // @ts-expect-error the strategy's server it is
  sdkCore(req.polar, createPolarCore, { environment: 'sandbox' });
});
const organizationOf: OrganizationOf = (req) => req.params['org'];
app.get('/orgs/:org', requireOrganization(organizationOf, loginPath), async (req, res) => {
  const { organizations, isLimited }: PolarOrganizations = await req.polar.organizations();
  const names: string[] = organizations.map(({ name }: PolarOrganization) => name);
  res.json([names, isLimited]);
});
const logoutOptions: LogoutOptions = { redirectTo: '/' };
app.post('/logout', logout(polar, logoutOptions));
app.post('/disconnect', disconnect(polar, logoutOptions));
type Refresh = PolarDiagnostic<PolarDiagnosticChannels['passport-polar-sh:refresh']>;
const isRefreshed = (message: Refresh): message is PolarDiagnostic<'refreshed'> =>
  message.event === 'refreshed';
const secondsOf = ({ durationMs }: PolarDiagnosticEvents['refreshed']): number => durationMs / 1000;
subscribe('passport-polar-sh:refresh', (published) => {
  const message = published as Refresh;
  if (isRefreshed(message)) console.log(secondsOf(message), polar.tokensFor(message.loginId).loginId);
});
app.use(loginOnAuthError(loginPath));

const requirements: BearerRequirements = { scope: 'orders:read', organizations: ['o'] };
const bearerOptions: PolarBearerStrategyOptions = { clientID: 'c', clientSecret: 's', ...requirements };
const bearerVerify: PolarBearerVerify = async ({ introspection }: VerifiedToken) => {
  const found: Introspection = introspection;
  return found.subject === undefined ? false : { id: found.subject };
};
passport.use(new PolarBearerStrategy(bearerOptions, bearerVerify));
app.get(
  '/api',
  passport.authenticate('polar-bearer', { session: false, scope: ['orders:read'] }),
  (req, res) => {
    const user = req.user as PolarBearerUser;
    res.json(user.organizations);
  },
);

const showError: express.ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (!(error instanceof PolarError)) return next(error);
  const code: PolarErrorCode = error.code;
  if (error instanceof PolarTransientError) res.set('Retry-After', String(error.retryAfterSeconds ?? 1));
  if (error instanceof PolarInsufficientScopeError) console.log(error.scopes.join());
  if (error instanceof PolarOrganizationError) console.log(error.organizationId);
  if (error instanceof PolarOAuthError) console.log(error.httpStatus, error.errorDescription);
  if (error instanceof PolarAPIVersionError) console.log(error.apiVersion);
  if (error instanceof PolarAuthorizationError) console.log(error.error);
  if (error instanceof PolarResponseError) console.log(error.field);
  const mine = [PolarConfigurationError, PolarIdTokenError, PolarLoginFailedError, PolarLoginRequiredError];
  res.status(error.status ?? 500).json({ code, isMine: mine.some((each) => error instanceof each) });
};
app.use(showError);
export const codes: [LoginFailureCode, IdTokenErrorCode, OAuthErrorCode] = [
  'access_denied',
  'id_token_nonce',
  'invalid_grant',
];
export const infoOf = (info: LoginFailure): string => `${info.hint ?? info.message} See ${info.docsURL}`;
export const warning: WarningCode = 'session_cookie_not_set';
export const readMore = (error: PolarError): string => error.docsURL;

export async function useClient(access: RegistrationAccess, rest: VerifyIdTokenOptions): Promise<void> {
  const traced: Fetch = (input, init) => fetch(input, init);
  const authMethod: TokenEndpointAuthMethod = 'client_secret_basic';
  const clientOptions: PolarClientOptions = {
    clientID: 'c',
    clientSecret: 's',
    tokenEndpointAuthMethod: authMethod,
    fetch: traced,
  };
  const client = new PolarOAuthClient(clientOptions);
  const call: CallOptions = { timeoutMs: 2000 };
  const found: Introspection = await client.introspect('token', call);
  const info: UserInfo = await client.userInfo('token');
  const claims: IdTokenClaims = await verifyIdToken('a.b.c', rest);
  const unfinished: Unfinished = await polar.settled({ withinMs: 1000 });
  const registrationOptions: RegistrationClientOptions = { server };
  const registrations: Registrations = new PolarRegistrationClient(registrationOptions);
  await client.registrations.readRegistration(access);
  const wanted: ClientMetadata = {
    clientName: 'app',
    redirectURIs: ['http://localhost:3000/cb'],
    scope: scopes,
  };
  const registered: ClientRegistration = await registrations.register(wanted);
  await registrations.deleteRegistration(access);
  console.log(found.active, info.subject, claims.sub, unfinished.writes, registered.clientID);
}
export type Others = [
  AuthorizationParameters,
  CustomPolarServer,
  DiscoveredServer,
  ExtraParameters,
  Prompt,
  ServerEndpoints,
  StorageKey,
  StorageStep,
  StoredRow,
  SubType,
  TokenResponse,
  WebSessionGrant,
];

export async function testApp(): Promise<void> {
  const product: PolarEmulatorProduct = { name: 'Anvil', recurringInterval: 'month' };
  const organization: PolarEmulatorOrganization = { slug: 'acme', products: [product] };
  const user: PolarEmulatorUser = { email: 'ada@example.com', organizations: [organization] };
  const consent: PolarEmulatorConsent = 'auto';
  const lifetimes: PolarEmulatorLifetimes = { authorizationCodeSeconds: 10 };
  const refreshRaces: PolarEmulatorRefreshRaces = { workers: 2 };
  const realistic: PolarEmulatorRealism = { refreshRaces };
  const defaultAPIVersion: PolarEmulatorAPIVersion = '2027-01';
  const emulatorOptions: PolarEmulatorOptions = {
    users: [user],
    consent,
    lifetimes,
    realistic,
    defaultAPIVersion,
  };
  const emulator: PolarEmulator = await startPolarEmulator(emulatorOptions);
  const given: PolarEmulatorStrategyOptions = emulator.strategyOptions();
  new PolarStrategy({ ...given, scope });
  const visit: PolarEmulatorVisit = { deny: true };
  await emulator.authorize('http://localhost', visit);
  const method: PolarEmulatorAuthMethod = 'none';
  const metadata: PolarEmulatorClientMetadata = {
    redirectURIs: ['http://localhost/cb'],
    tokenEndpointAuthMethod: method,
  };
  const client: PolarEmulatorClient = emulator.registerClient(metadata);
  const changes: PolarEmulatorClientChanges = { name: 'other' };
  emulator.updateClient(client.clientID, changes);
  const tokenRequest: PolarEmulatorTokenRequest = { clientID: client.clientID, user: user.email };
  const token: PolarEmulatorToken = emulator.issueTokens(tokenRequest);
  const endpoint: PolarEmulatorEndpoint = 'token';
  const status: PolarEmulatorStatusFault = { status: 500 };
  const fault: PolarEmulatorFault = status;
  emulator.fail(endpoint, fault);
  const seen: readonly PolarEmulatorRequest[] = emulator.requests;
  console.log(token.accessToken, seen.length);
  await emulator.close();
}

interface ShopAccount {
  readonly shop: string;
}
declare global {
  namespace Express {
    // An app's own types win over the package's.
    interface Request {
      account?: ShopAccount;
    }
    interface AuthInfo {
      state?: { readonly cart: number };
    }
  }
}
app.get('/connected', passport.authorize('polar', { appState: { cart: 1 } }), (req, res) => {
  const shop: string | undefined = req.account?.shop;
  const cart: number | undefined = req.authInfo?.state?.cart;
  res.json({ shop, cart });
});

// @ts-expect-error a callback that returns nothing
new PolarStrategy(options, async () => {});
// @ts-expect-error a callback that returns nothing with one of its parameters
new PolarStrategy(options, async ({ profile }) => void profile.id);
// @ts-expect-error null is no verdict
new PolarStrategy(options, async ({ profile }) => (profile.emails ? profile : null));
// @ts-expect-error a callback that returns nothing
new PolarStrategy({ ...options, passReqToCallback: true }, async () => {});
// @ts-expect-error a callback that returns nothing
new PolarBearerStrategy(bearerOptions, async () => {});
// @ts-expect-error a misspelt option
new PolarStrategy({ clientId: 'c', callbackURL: '/cb' });
// @ts-expect-error a public client
new PolarBearerStrategy({ clientID: 'c' });
// @ts-expect-error not a strategy
polarTokens({});
