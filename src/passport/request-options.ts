import {
  type ExtraParameters,
  isReservedParameter,
  type Prompt,
  refuseReserved,
  type SubType,
} from '../client/authorization-url.js';
import type { PolarScopes } from '../client/polar-scope.js';
import { developmentHint } from '../development-hint.js';
import {
  callbackURLOf,
  closest,
  list,
  oneOf,
  rejectNearMisses,
  resolveScope,
  unknownOptions,
} from '../option-checks.js';
import type { ResolvedOptions } from '../options.js';
import { BoundedMap } from '../tokens/bounded-map.js';

/** What can be given for one request, in `passport.authenticate('polar', { ... })`, beside Passport's own options. */
export interface PolarAuthenticateOptions {
  /** Scopes to ask for this time. @default the strategy's */
  readonly scope?: PolarScopes | undefined;
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
   * Anything JSON can hold in 2,048 characters. It never reaches Polar, and comes back to the verify callback as `state`
   * and as `req.authInfo.state`.
   */
  readonly appState?: unknown;
  /** The same as `appState`, by the name that it has elsewhere. OAuth's own `state` is the strategy's business. */
  readonly state?: unknown;
  /**
   * Ids of organizations to which the tokens are limited, as a list or comma-separated. No suggestion: Polar adds them to
   * what people pick, without showing them, and goes on to an error page where one is not theirs.
   */
  readonly organizations?: string | readonly string[] | undefined;
  /** E-mail address that Polar's login page suggests. */
  readonly login_hint?: string | undefined;
  /** Further parameters of the authorize page, `{ ui_locales: 'de' }`. Those that protect the login cannot be set. */
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
 * The options of one login.
 *
 * @throws TypeError that names the option and says what it should be
 */
export function loginOptions(
  given: Readonly<Record<string, unknown>>,
  defaults: ResolvedOptions,
): LoginOptions {
  const known = Object.keys(ownNames);
  rejectNearMisses(given, known, "passport.authenticate('polar')");
  for (const name of unknownOptions(given, known)) hintAtUnknown(name, closest(name, known));
  return {
    scope: given['scope'] === undefined ? defaults.scope : resolveScope(given['scope']),
    subType: oneOf(given['subType'], 'subType', ['user', 'organization']) ?? defaults.subType,
    prompt: oneOf(given['prompt'], 'prompt', ['none', 'login', 'consent']) ?? defaults.prompt,
    callbackURL:
      given['callbackURL'] === undefined ? defaults.callbackURL : callbackURLOf(given['callbackURL']),
    returnTo: given['returnTo'],
    appState: appStateOf(given['appState'] ?? given['state']),
  };
}

const hintedAt = new BoundedMap<true>(100);

// A strategy that inherits from this one, or another of the same route, may know it.
function hintAtUnknown(name: string, meant: string | undefined): void {
  if (hintedAt.get(name)) return;
  hintedAt.set(name, true);
  const hint =
    meant === undefined
      ? "Parameters of Polar's authorize page go into authorizationParams."
      : `Did you mean ${meant}?`;
  developmentHint(`passport.authenticate('polar') knows no option '${name}', which has no effect. ${hint}`);
}

// A login attempt has to fit into 4 KB of a storage.
const maxAppState = 2048;

function appStateOf(state: unknown): unknown {
  const length = state === undefined ? 0 : (JSON.stringify(state)?.length ?? Number.NaN);
  if (!(length <= maxAppState))
    throw new TypeError(`appState must be something that JSON can hold in ${maxAppState} characters`);
  return state;
}

/**
 * The extra parameters of the authorize page for one login.
 *
 * @throws PolarConfigurationError `invalid_option` for a parameter that is ours alone
 * @throws TypeError for a value that is no string
 */
export function extraParameters(given: Readonly<Record<string, unknown>>): Record<string, string> {
  const extra: Record<string, string> = {};
  const { authorizationParams = {}, login_hint, organizations } = given;
  if (typeof authorizationParams !== 'object' || authorizationParams === null)
    throw new TypeError("authorizationParams must be an object of strings, such as { ui_locales: 'de' }");
  // What is in the wrong place, too: who wrote it expects it to be sent.
  const misplaced = Object.entries(given).filter(
    ([name]) => isReservedParameter(name) && !Object.hasOwn(ownNames, name),
  );
  for (const [name, value] of [
    ...Object.entries({
      login_hint,
      // Polar refuses an empty list.
      organizations:
        organizations === undefined ? undefined : list(organizations, 'organizations').join(',') || undefined,
      ...authorizationParams,
    }),
    ...misplaced,
  ]) {
    if (value === undefined) continue;
    refuseReserved(name);
    if (typeof value !== 'string')
      throw new TypeError(`The parameter '${name}' of the authorize page must be a string`);
    extra[name] = value;
  }
  return extra;
}
