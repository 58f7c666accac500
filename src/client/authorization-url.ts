import { invalidOption } from '../errors.js';
import { checkObject, checkString } from '../options/option-checks.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';

/**
 * Parameters of an authorization request, for {@link PolarOAuthClient.authorizationURL}.
 *
 * @group OAuth client
 */
export interface AuthorizationParameters {
  /** Where Polar sends the user back to, exactly as registered. */
  readonly redirectURI: string;
  /** Scopes to request; include `openid` for an id_token. */
  readonly scope: PolarScopes;
  /** Random; store it in the user's session, and compare it with the `state` of the response. */
  readonly state: string;
  /** Random, new for each attempt; returned in the id_token. */
  readonly nonce: string;
  /** S256 challenge of the PKCE code verifier, base64url. */
  readonly codeChallenge: string;
  /**
   * `organization` lets the user pick one organization, to which the tokens are then limited.
   * @default 'user'
   */
  readonly subType?: SubType | undefined;
  /**
   * Which pages Polar shows.
   * @default none: users who consented before are redirected straight back; `consent` with `subType: 'organization'`
   */
  readonly prompt?: Prompt | undefined;
  /** Additional parameters, such as `login_hint`; none may be one of those above. @default none */
  readonly extra?: ExtraParameters | undefined;
}

/**
 * Additional parameters of the authorize page, by their own names. Parameters that have an option or protect the login
 * are excluded.
 *
 * @group OAuth client
 */
export type ExtraParameters = Readonly<Record<string, string | undefined>> & {
  readonly [name in ReservedParameter]?: never;
};

/**
 * Whether the tokens reach all organizations of the user, or only one that the user picks.
 *
 * @group OAuth client
 */
export type SubType = 'user' | 'organization';

/**
 * Whether Polar asks the user again. `none` still shows the consent page at Polar: leave it out instead.
 *
 * @group OAuth client
 */
export type Prompt = 'none' | 'login' | 'consent';

/** Parameters that callers cannot set: overriding one would undo a protection. */
const reserved = [
  'state',
  'nonce',
  'redirect_uri',
  'client_id',
  'client_secret',
  'response_type',
  'response_mode',
  'code_challenge',
  'code_challenge_method',
  'scope',
  'sub_type',
  'prompt',
  // RFC 9101: a request object replaces all other parameters.
  'request',
  'request_uri',
] as const;

/** @inline */
type ReservedParameter = (typeof reserved)[number];

/** The options that set these parameters instead. */
const givenElsewhere: Partial<Record<ReservedParameter, string>> = {
  state: 'appState for data of your app',
  redirect_uri: 'callbackURL',
  client_id: 'clientID',
  scope: 'scope',
  sub_type: 'subType',
  prompt: 'prompt',
};

/** True for parameters that cannot be given as additional ones. */
export function isReservedParameter(name: string): name is ReservedParameter {
  return (reserved as readonly string[]).includes(name);
}

/**
 * Rejects a parameter that cannot be given as an additional one, rather than dropping it silently.
 *
 * @throws PolarConfigurationError `invalid_option`
 */
export function refuseReserved(name: string): void {
  if (!isReservedParameter(name)) return;
  const place = givenElsewhere[name];
  throw invalidOption(
    `The parameter '${name}' cannot be set here: ${place === undefined ? 'this package sets it to protect the login' : `use ${place}`}.`,
  );
}

/**
 * Builds the URL to which the browser is sent.
 *
 * @throws PolarConfigurationError `invalid_option` for a parameter that is missing, or an additional one that is not allowed
 */
export function buildAuthorizationURL(
  endpoint: string,
  clientID: string,
  parameters: AuthorizationParameters,
): string {
  checkObject(parameters, 'The parameters of authorizationURL');
  for (const name of ['redirectURI', 'state', 'nonce', 'codeChallenge'] as const)
    checkString(parameters[name], name);
  for (const name of ['subType', 'prompt'] as const)
    if (parameters[name] !== undefined) checkString(parameters[name], name);
  const { subType = 'user' } = parameters;
  const url = new URL(endpoint);
  const extra = Object.entries(parameters.extra ?? {}).filter(([, value]) => value !== undefined);
  for (const [name, value] of extra) {
    refuseReserved(name);
    checkString(value, `extra.${name}`);
  }
  const all: [string, string | undefined][] = [
    ...extra,
    ['response_type', 'code'],
    ['client_id', clientID],
    ['redirect_uri', parameters.redirectURI],
    ['scope', scopeParameter(parameters.scope)],
    ['state', parameters.state],
    ['nonce', parameters.nonce],
    ['code_challenge', parameters.codeChallenge],
    ['code_challenge_method', 'S256'],
    // Sent even when it is Polar's default: a client can have a different default.
    ['sub_type', subType],
    ['prompt', promptFor(parameters)],
  ];
  for (const [name, value] of all) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

// A returning user with sub_type=organization and no prompt reaches a dead end at Polar: it skips the page for picking
// the organization, then complains that none was picked.
function promptFor({ prompt, subType }: AuthorizationParameters): Prompt | undefined {
  return prompt ?? (subType === 'organization' ? 'consent' : undefined);
}
