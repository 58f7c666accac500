/** Finds options that are misspelt, or that belong to another package. */

import { invalidOption } from '../errors.js';
import { shownValue } from '../text/shown-value.js';

/**
 * Rejects unknown options: a misspelt one would silently have no effect.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that suggests the option that was probably meant, or says that the
 *   options are no object
 */
export function rejectUnknown(options: object, known: readonly string[], who: string): void {
  if (typeof options !== 'object' || options === null)
    throw invalidOption(`${who} needs an object of options, not ${shownValue(options)}`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const meant = closest(name, known);
    const hint = meant === undefined ? `Options: ${known.join(', ')}.` : `Did you mean ${meant}?`;
    throw invalidOption(`${who} has no option '${name}'. ${hint}`);
  }
}

/**
 * Rejects options of other strategies, in any letter case.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that names the replacement
 */
export function rejectReplaced(
  options: object,
  replacements: Readonly<Record<string, string>>,
  known: readonly string[],
  who: string,
): void {
  for (const name of Object.keys(options)) {
    const found = Object.keys(replacements).find((each) => each.toLowerCase() === name.toLowerCase());
    const why = found === undefined || known.includes(name) ? undefined : replacements[found];
    if (why !== undefined) throw invalidOption(`${who} has no option '${name}': ${why}.`);
  }
}

/**
 * Rejects likely misspellings in options that Passport and other packages share, so that unknown names must be allowed.
 *
 * @throws {@link PolarConfigurationError} `invalid_option` that suggests the option that was probably meant
 */
export function rejectNearMisses(options: object, known: readonly string[], who: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name) || passportOptions.has(name)) continue;
    // Leaves out snake_case parameters: in camel case (loginHint) they may be options of another package.
    const options = [...known, ...passportOptions].filter((each) => !each.includes('_'));
    const meant = closestByDistance(name, options);
    if (meant !== undefined) throw invalidOption(`${who} has no option '${name}'. Did you mean ${meant}?`);
  }
}

/** Finds the options that are neither in `known` nor Passport's or a framework's around it, and what was probably meant. */
export function unknownOptions(
  options: object,
  known: readonly string[],
): { readonly name: string; readonly meant: string | undefined }[] {
  const all = [...known, ...passportOptions];
  const names = Object.keys(options).filter((name) => !all.includes(name));
  return names.map((name) => ({ name, meant: closest(name, all) }));
}

// Options of Passport and of frameworks around it, which are never taken for misspellings.
const passportOptions = new Set([
  ...['authInfo', 'assignProperty', 'failureFlash', 'failureMessage', 'failureRedirect', 'failWithError'],
  ...[
    'keepSessionInfo',
    'passReqToCallback',
    'pauseStream',
    'property',
    'session',
    'successFlash',
    'successMessage',
  ],
  ...['successRedirect', 'successReturnToOrRedirect', 'userProperty', 'defaultStrategy', 'callback'],
]);

/** Returns the known name that was probably meant: one that differs by a few letters, or shares its beginning or end. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const asked = plain(name);
  const isPart = (other: string): boolean =>
    asked.length > 2 && (other.startsWith(asked) || asked.startsWith(other) || other.endsWith(asked));
  return closestByDistance(name, known) ?? known.find((other) => isPart(plain(other)));
}

function closestByDistance(name: string, known: readonly string[]): string | undefined {
  const asked = plain(name);
  // A name without letters resembles none, although a short edit distance might say so.
  if (asked === '') return undefined;
  const near = known
    .map((other) => ({ other, distance: editDistance(asked, plain(other)) }))
    .filter(({ distance, other }) => distance <= Math.floor(Math.min(asked.length, other.length) / 4))
    .sort((one, two) => one.distance - two.distance);
  return near[0]?.other;
}

const plain = (text: string): string => text.toLowerCase().replace(/[^a-z]/g, '');

/** Counts the letters to insert, delete, change, or swap with their neighbour. */
function editDistance(one: string, two: string): number {
  const rows = [Array.from({ length: two.length + 1 }, (_none, index) => index)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= two.length; j++) {
      const [above = [], before = []] = [rows[i - 1], rows[i - 2]];
      const changed = (above[j - 1] ?? 0) + (one[i - 1] === two[j - 1] ? 0 : 1);
      const isSwap = one[i - 1] === two[j - 2] && one[i - 2] === two[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      row.push(Math.min(changed, swapped, (above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    rows.push(row);
  }
  return rows[one.length]?.[two.length] ?? Infinity;
}
