import { isReservedParameter, type Prompt, type SubType } from '../client/authorization-url.js';
import type { PolarScope } from '../client/polar-scope.js';
import { callbackURLOf, oneOf, resolveScope } from '../option-checks.js';
import type { ResolvedOptions } from '../options.js';

/**
 * What can be given for one request, in `passport.authenticate('polar', { ... })`, beside Passport's own options.
 * Further lower-case names (`login_hint`) are sent to the authorize page as they are.
 */
export interface PolarAuthenticateOptions {
  /** Scopes to ask for this time. @default the strategy's */
  readonly scope?: PolarScope | readonly PolarScope[] | undefined;
  /** @default the strategy's */
  readonly subType?: SubType | undefined;
  /** @default the strategy's */
  readonly prompt?: Prompt | undefined;
  /** Another registered callback address for this login. @default the strategy's */
  readonly callbackURL?: string | undefined;
  /**
   * Path of this app to come back to after the login.
   * @default the query parameter `return_to`, then `req.session.returnTo`
   */
  readonly returnTo?: string | undefined;
  /**
   * Anything JSON can hold in 2,048 characters. It never reaches Polar, and comes back to the verify callback and as
   * `req.authInfo.state`.
   */
  readonly state?: unknown;
  /** Ids of organizations, comma-separated, that Polar's consent page suggests. */
  readonly organizations?: string | undefined;
  /** E-mail address that Polar's login page suggests. */
  readonly login_hint?: string | undefined;
}

declare module 'passport' {
  interface AuthenticateOptions {
    subType?: SubType | undefined;
    callbackURL?: string | undefined;
    returnTo?: string | undefined;
    /** For the login, ids that Polar's consent page suggests; for `polar-bearer`, those that a token has to have. */
    organizations?: string | readonly string[] | undefined;
    login_hint?: string | undefined;
  }
}

declare global {
  namespace Express {
    interface AuthInfo {
      /** What was given as `state` when the login was started. */
      state?: unknown;
    }
  }
}

/** Options of one login, with the strategy's as defaults. */
export interface LoginOptions {
  readonly scope: readonly string[];
  readonly subType: SubType | undefined;
  readonly prompt: Prompt | undefined;
  readonly callbackURL: string;
  readonly returnTo: unknown;
  readonly appState: unknown;
}

// Names that Passport, Passport strategies in general or this one give a meaning of their own.
const notParameters = new Set(['scope', 'prompt', 'state', 'session', 'callback']);

/**
 * The options of one login.
 *
 * @throws TypeError that names the option and says what it should be
 */
export function loginOptions(
  given: Readonly<Record<string, unknown>>,
  defaults: ResolvedOptions,
): LoginOptions {
  return {
    scope: given['scope'] === undefined ? defaults.scope : resolveScope(given['scope']),
    subType: oneOf(given['subType'], 'subType', ['user', 'organization']) ?? defaults.subType,
    prompt: oneOf(given['prompt'], 'prompt', ['none', 'login', 'consent']) ?? defaults.prompt,
    callbackURL:
      given['callbackURL'] === undefined ? defaults.callbackURL : callbackURLOf(given['callbackURL']),
    returnTo: given['returnTo'],
    appState: appStateOf(given['state']),
  };
}

// A login attempt has to fit into 4 KB of a storage.
const maxAppState = 2048;

function appStateOf(state: unknown): unknown {
  const length = state === undefined ? 0 : (JSON.stringify(state)?.length ?? Number.NaN);
  if (!(length <= maxAppState))
    throw new TypeError(`state must be something that JSON can hold in ${maxAppState} characters`);
  return state;
}

/**
 * The extra parameters of one login: what has a lower-case name, as parameters have, while options are in camel case.
 *
 * @throws TypeError for a parameter that is ours alone, or a value that is no string
 */
export function extraParameters(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const extra: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || notParameters.has(name) || !/^[a-z][a-z0-9_]*$/.test(name)) continue;
    if (isReservedParameter(name)) {
      throw new TypeError(
        `'${name}' cannot be given for a login: the strategy sets it itself${name === 'sub_type' ? ', from subType' : ''}`,
      );
    }
    if (typeof value !== 'string') throw new TypeError(`The extra parameter '${name}' must be a string`);
    extra[name] = value;
  }
  return extra;
}
