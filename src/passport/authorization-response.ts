/** The response of the authorize page as the browser delivered it, not yet validated. */
export type AuthorizationResponse = {
  readonly state: string;
  /** `iss` (RFC 9207). Polar sends none; if present it must match, and if the metadata announces it, it must be present. */
  readonly issuer?: string;
} & ({ readonly code: string } | { readonly error: string; readonly errorDescription?: string });

/** Why the login attempt of a callback cannot be looked up. */
export type CallbackProblem = 'callback_malformed' | 'state_missing';

const names = ['state', 'code', 'error', 'error_description', 'iss'] as const;
const maxLength = 4096;

/** True if the query is a response of the authorize page; otherwise the request starts a login. */
export function isAuthorizationResponse(query: URLSearchParams): boolean {
  return ['code', 'error', 'state'].some((name) => answers(query, name).length > 0);
}

/**
 * Parses the response (RFC 6749 section 4.1.2). A repeated parameter, also in the bracket forms that some query parsers turn
 * into lists, makes the whole response malformed (RFC 6749 section 3.1).
 */
export function parseAuthorizationResponse(query: URLSearchParams): AuthorizationResponse | CallbackProblem {
  const values: Partial<Record<(typeof names)[number], string>> = {};
  for (const name of names) {
    const all = answers(query, name);
    if (all.length > 1 || all.some(([key]) => key !== name)) return 'callback_malformed';
    const value = all[0]?.[1];
    if (value === undefined) continue;
    if (value.length > maxLength) return 'callback_malformed';
    values[name] = value;
  }
  const { state, code, error, error_description: errorDescription, iss: issuer } = values;
  if (!state) return 'state_missing';
  const known = { state, ...(issuer !== undefined && { issuer }) };
  if (code && !error) return isCode(code) ? { ...known, code } : 'callback_malformed';
  if (error && !code) return { ...known, error, ...(errorDescription !== undefined && { errorDescription }) };
  return 'callback_malformed';
}

/** True for a well-formed code (RFC 6749 appendix A.11). Polar's token endpoint responds with a 500 to any other. */
const isCode = (code: string): boolean => /^[\x20-\x7e]+$/.test(code);

function answers(query: URLSearchParams, name: string): [string, string][] {
  return [...query].filter(([key]) => key === name || key.startsWith(`${name}[`));
}
