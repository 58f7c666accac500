import { BoundedMap } from '../bounded-map.js';
import {
  type ExtraParameters,
  isReservedParameter,
  type Prompt,
  refuseReserved,
  type SubType,
} from '../client/authorization-url.js';
import type { PolarScopes } from '../client/polar-scope.js';
import { invalidOption } from '../errors.js';
import { checkCallbackURL, checkOneOf, checkOrganizations, checkScope } from '../options/option-checks.js';
import { rejectNearMisses, unknownOptions } from '../options/option-names.js';
import type { ResolvedOptions } from '../strategy-options.js';
import { developmentHint } from '../warnings.js';

/**
 * Options of `passport.authenticate('polar', { ... })` for one login, in addition to Passport's.
 *
 * @group Strategy
 */
export interface PolarAuthenticateOptions {
  /** Scopes to request for this login. @default the strategy's */
  readonly scope?: PolarScopes | undefined;
  /** `organization` lets the user pick the one organization that the tokens are limited to. @default the strategy's */
  readonly subType?: SubType | undefined;
  /** Which pages Polar shows. @default the strategy's */
  readonly prompt?: Prompt | undefined;
  /** Another registered callback URL for this login. @default the strategy's */
  readonly callbackURL?: string | undefined;
  /**
   * Path of the app to return to after the login.
   * @default the query parameter `return_to`, then `req.session.returnTo`
   */
  readonly returnTo?: string | undefined;
  /**
   * Any value whose JSON has at most 2,048 bytes. It is not sent to Polar; the verify callback receives it as `state`,
   * and the app finds it in `req.authInfo.state`.
   * @default none
   */
  readonly appState?: unknown;
  /** Alias of `appState`, for the name that other strategies use. The strategy generates OAuth's own `state`. @default none */
  readonly state?: unknown;
  /**
   * Ids of organizations that the tokens are limited to, as a list or comma-separated. These are not suggestions: Polar adds
   * them to what the user picks, without showing them, and shows an error page if the user is not a member of one.
   * @default none
   */
  readonly organizations?: string | readonly string[] | undefined;
  /** E-mail address that Polar's login page suggests. @default none */
  readonly login_hint?: string | undefined;
  /** Other parameters of the authorize page, `{ ui_locales: 'de' }`. Those that protect the login cannot be set. @default none */
  readonly authorizationParams?: ExtraParameters | undefined;
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

const ownNames: Record<keyof PolarAuthenticateOptions, true> = {
  scope: true,
  subType: true,
  prompt: true,
  callbackURL: true,
  returnTo: true,
  appState: true,
  state: true,
  organizations: true,
  login_hint: true,
  authorizationParams: true,
};

/**
 * Checks the options of one login.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the option and the expected value
 */
export function loginOptions(
  given: Readonly<Record<string, unknown>>,
  defaults: ResolvedOptions,
): LoginOptions {
  rejectNearMisses(given, Object.keys(ownNames), "passport.authenticate('polar')");
  hintAtUnknownOptions(given);
  return {
    scope: given['scope'] === undefined ? defaults.scope : checkScope(given['scope']),
    subType: checkOneOf(given['subType'], 'subType', ['user', 'organization']) ?? defaults.subType,
    prompt: checkOneOf(given['prompt'], 'prompt', ['none', 'login', 'consent']) ?? defaults.prompt,
    callbackURL:
      given['callbackURL'] === undefined ? defaults.callbackURL : checkCallbackURL(given['callbackURL']),
    returnTo: given['returnTo'],
    appState: appStateOf(given['appState'] ?? given['state']),
  };
}

const hintedAt = new BoundedMap<true>(100);

/** Prints, once each, the options that nobody knows. Only a hint: a subclass, or another strategy of the route, may know them. */
export function hintAtUnknownOptions(given: AuthenticateOptions): void {
  for (const { name, meant } of unknownOptions(given, Object.keys(ownNames))) {
    if (hintedAt.get(name)) continue;
    hintedAt.set(name, true);
    const hint =
      meant === undefined
        ? "Parameters of Polar's authorize page go into authorizationParams."
        : `Did you mean ${meant}?`;
    developmentHint(
      'unknown_option',
      `passport.authenticate('polar') ignores the unknown option '${name}'. ${hint}`,
    );
  }
}

// A login attempt has to fit into 4 KB of storage.
const maxAppStateBytes = 2048;

function appStateOf(state: unknown): unknown {
  if (state !== undefined && !(jsonBytesOf(state) <= maxAppStateBytes))
    throw invalidOption(`appState must be a value with a JSON text of at most ${maxAppStateBytes} bytes`);
  return state;
}

/** NaN for a value without a JSON text: a function, a BigInt, an object that contains itself. */
function jsonBytesOf(value: unknown): number {
  try {
    const json: string | undefined = JSON.stringify(value);
    return json === undefined ? Number.NaN : Buffer.byteLength(json);
  } catch {
    return Number.NaN;
  }
}

/**
 * Collects the extra parameters of the authorize page for one login.
 *
 * @throws PolarConfigurationError `invalid_option` for a parameter that only this package may set, or a value that is not a string
 */
export function extraParameters(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const extra: Record<string, string> = {};
  const { authorizationParams = {}, login_hint, organizations } = given;
  if (typeof authorizationParams !== 'object' || authorizationParams === null)
    throw invalidOption("authorizationParams must be an object of strings, such as { ui_locales: 'de' }");
  // Includes reserved parameters outside authorizationParams, which are refused too: the developer expects them to be sent.
  const misplaced = Object.entries(given).filter(
    ([name]) => isReservedParameter(name) && !Object.hasOwn(ownNames, name),
  );
  for (const [name, value] of [
    ...Object.entries({
      login_hint,
      // Polar rejects an empty list.
      organizations:
        organizations === undefined ? undefined : checkOrganizations(organizations).join(',') || undefined,
      ...authorizationParams,
    }),
    ...misplaced,
  ]) {
    if (value === undefined) continue;
    refuseReserved(name);
    if (typeof value !== 'string')
      throw invalidOption(`The parameter '${name}' of the authorize page must be a string`);
    extra[name] = value;
  }
  return extra;
}

/** Options of one `passport.authenticate` call: Passport's and this package's. */
export type AuthenticateOptions = Readonly<Record<string, unknown>>;

/** True for `passport.authorize`, which connects an account without logging the user in. */
export function isLinking(options: AuthenticateOptions): boolean {
  return options['assignProperty'] !== undefined;
}
