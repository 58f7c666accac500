import { SUPPORTED_SCOPES } from '../emulator/scopes.js';

/**
 * Explains which scopes Polar may have refused: Polar says only that one is invalid. Not a check before the request, because
 * Polar adds scopes now and then.
 *
 * @returns a sentence with a leading space; empty if all scopes are known
 */
export function aboutUnknownScopes(scopes: readonly string[]): string {
  const unknown = scopes.filter((scope) => !SUPPORTED_SCOPES.includes(scope));
  if (unknown.length === 0) return '';
  const named = unknown.map((scope) => {
    const meant = nearest(scope);
    return meant === undefined ? `'${scope}'` : `'${scope}' (did you mean '${meant}'?)`;
  });
  return ` Unknown to this version of passport-polar-sh: ${named.join(', ')}.`;
}

/** Finds a known scope that differs by one or two letters. */
function nearest(scope: string): string | undefined {
  const [best] = SUPPORTED_SCOPES.map((known) => ({ known, distance: distanceOf(scope, known) })).sort(
    (one, other) => one.distance - other.distance,
  );
  return best !== undefined && best.distance <= 2 ? best.known : undefined;
}

/** Levenshtein distance: the number of letters to insert, delete or change. */
function distanceOf(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= other.length; column++) {
      const changed = (row[column - 1] ?? 0) + (letter === other[column - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 0;
}
