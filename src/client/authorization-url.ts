import { PolarConfigurationError } from '../errors.js';
import { type PolarScopes, scopeParameter } from './polar-scope.js';

/** Everything that goes into an authorization request (RFC 6749 4.1.1, RFC 7636, OpenID Connect Core 3.1.2.1). */
export interface AuthorizationParameters {
  /** Where people come back to, to the letter as registered. */
  readonly redirectURI: string;
  readonly scope: PolarScopes;
  /** Random, kept in the person's session, compared when they come back. */
  readonly state: string;
  /** Random, a new one for each attempt: comes back in the id_token. */
  readonly nonce: string;
  /** S256 challenge of the PKCE code verifier, base64url. */
  readonly codeChallenge: string;
  /** `organization` lets the user pick one organization to which the tokens are limited. @default 'user' */
  readonly subType?: SubType | undefined;
  readonly prompt?: Prompt | undefined;
  /** Further parameters, such as `organizations`; none may be one of those above. */
  readonly extra?: ExtraParameters | undefined;
}

/** Parameters of the authorize page by their own names. Those that have an option, or protect the login, are none of them. */
export type ExtraParameters = Readonly<Record<string, string | undefined>> & {
  readonly [name in ReservedParameter]?: never;
};

/** Whom the tokens act for at Polar. */
export type SubType = 'user' | 'organization';

/** Whether Polar asks the person again. `none` still shows the consent page at Polar: leave it out instead. */
export type Prompt = 'none' | 'login' | 'consent';

/** Parameters that are ours alone: whoever could set them would undo a protection. */
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
  // RFC 9101: a request object takes the place of all the others.
  'request',
  'request_uri',
] as const;

type ReservedParameter = (typeof reserved)[number];

/** Where what they say is given instead. */
const givenElsewhere: Partial<Record<ReservedParameter, string>> = {
  state: 'appState, for data of the app',
  redirect_uri: 'callbackURL',
  client_id: 'clientID',
  scope: 'scope',
  sub_type: 'subType',
  prompt: 'prompt',
};

/** True for parameters that cannot be given as extra ones. */
export function isReservedParameter(name: string): name is ReservedParameter {
  return (reserved as readonly string[]).includes(name);
}

/**
 * Refuses what cannot be given as an extra parameter: left out without a word, it would be missed.
 *
 * @throws PolarConfigurationError `invalid_option`
 */
export function refuseReserved(name: string): void {
  if (!isReservedParameter(name)) return;
  const place = givenElsewhere[name];
  throw new PolarConfigurationError(
    'invalid_option',
    `'${name}' cannot be given for a login: it is set for you${place === undefined ? ' and protects the login' : `, from ${place}`}.`,
  );
}

/**
 * Builds the address to which the browser is sent.
 *
 * @throws PolarConfigurationError `invalid_option` for an extra parameter that is not one
 */
export function buildAuthorizationURL(
  endpoint: string,
  clientID: string,
  parameters: AuthorizationParameters,
): string {
  const { subType = 'user' } = parameters;
  const url = new URL(endpoint);
  const extra = Object.entries(parameters.extra ?? {}).filter(([, value]) => value !== undefined);
  for (const [name] of extra) refuseReserved(name);
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
    // Sent also when it is Polar's default: a client can have another one.
    ['sub_type', subType],
    ['prompt', promptFor(parameters)],
  ];
  for (const [name, value] of all) if (value !== undefined) url.searchParams.set(name, value);
  return url.href;
}

// A returning user with sub_type=organization and no prompt dead-ends at Polar: it skips the page on which the
// organization would be picked and then complains that none was.
function promptFor({ prompt, subType }: AuthorizationParameters): Prompt | undefined {
  return prompt ?? (subType === 'organization' ? 'consent' : undefined);
}
