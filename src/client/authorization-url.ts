import type { PolarScope } from './polar-scope.js';

/** Everything that goes into an authorization request (RFC 6749 4.1.1, RFC 7636, OpenID Connect Core 3.1.2.1). */
export interface AuthorizationParameters {
  /** Where people come back to, to the letter as registered. */
  readonly redirectURI: string;
  readonly scope: readonly PolarScope[];
  /** Random, kept in the person's session, compared when they come back. */
  readonly state: string;
  /** Random, a new one for each attempt: comes back in the id_token. */
  readonly nonce: string;
  /** S256 challenge of the PKCE code verifier, base64url. */
  readonly codeChallenge: string;
  /** `organization` lets the user pick one organization to which the tokens are limited. */
  readonly subType?: SubType | undefined;
  readonly prompt?: Prompt | undefined;
  /** Further parameters, such as `organizations`; none may be one of those above. */
  readonly extra?: Readonly<Record<string, string>> | undefined;
}

/** Whom the tokens act for at Polar. */
export type SubType = 'user' | 'organization';

/** Whether Polar asks the person again. `none` still shows the consent page at Polar: leave it out instead. */
export type Prompt = 'none' | 'login' | 'consent';

/** Parameters that are ours alone: whoever could set them would undo a protection. */
const reserved = new Set([
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
]);

/** True for parameters that cannot be given as extra ones. */
export function isReservedParameter(name: string): boolean {
  return reserved.has(name);
}

/** Builds the address to which the browser is sent. */
export function buildAuthorizationURL(
  endpoint: string,
  clientID: string,
  parameters: AuthorizationParameters,
): string {
  const url = new URL(endpoint);
  const extra = Object.entries(parameters.extra ?? {}).filter(([name]) => !isReservedParameter(name));
  const all: [string, string | undefined][] = [
    ...extra,
    ['response_type', 'code'],
    ['client_id', clientID],
    ['redirect_uri', parameters.redirectURI],
    ['scope', parameters.scope.join(' ')],
    ['state', parameters.state],
    ['nonce', parameters.nonce],
    ['code_challenge', parameters.codeChallenge],
    ['code_challenge_method', 'S256'],
    ['sub_type', parameters.subType],
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
