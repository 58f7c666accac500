/** The first value of a parameter: what Polar reads of an authorization request when one is given more than once. */
export function firstValue(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) ?? undefined;
}
