/** Attributes of a challenge. */
export type Attributes = Readonly<Record<string, string | readonly string[]>>;

/** Builds `WWW-Authenticate` (RFC 6750 section 3) without empty attributes. */
export function challengeOf(attributes: Attributes): string {
  const all = Object.entries(attributes).map(([name, value]) => [name, [value].flat().join(' ')]);
  const present = all.filter(([, value]) => value !== '');
  return `Bearer ${present.map(([name, value]) => `${name}="${value}"`).join(', ')}`;
}
