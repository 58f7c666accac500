type Version = readonly [major: number, minor: number, patch: number];

/**
 * True if a version is in a range. Knows what the ranges of this package are made of: `^1.2`, `>=24` and `||`.
 *
 * @param version such as `1.19.0` or `v22.12.0`
 */
export function isInRange(version: string, range: string): boolean {
  const given = parsed(version);
  return range.split('||').some((part) => {
    const least = parsed(part);
    if (compare(given, least) < 0) return false;
    if (part.includes('>=')) return true;
    // Up to the next change of the leftmost number that is not zero.
    const fixed = least[0] > 0 ? 1 : 2;
    return given.slice(0, fixed).every((number, index) => number === least[index]);
  });
}

function parsed(text: string): Version {
  const [major = 0, minor = 0, patch = 0] = (/\d+(\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number);
  return [major, minor, patch];
}

function compare(one: Version, other: Version): number {
  const index = one.findIndex((number, at) => number !== other[at]);
  return index < 0 ? 0 : (one[index] ?? 0) - (other[index] ?? 0);
}
