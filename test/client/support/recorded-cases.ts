import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WireCase } from '../../emulator/support/wire-replay';

const { cases } = JSON.parse(readFileSync(join(__dirname, '../../emulator/polar-wire.json'), 'utf8')) as {
  cases: readonly WireCase[];
};

/** The recorded cases in which Polar refuses, in a response or in the redirect of the browser. */
export const errorCases = cases.filter(
  ({ response }) => response.status >= 400 || /[?&]error=/.test(response.headers['location'] ?? ''),
);

/** A recorded case by its name. */
export function recorded(name: string): WireCase {
  const found = cases.find((one) => one.name === name);
  if (found === undefined) throw new Error(`Nothing is recorded of ${name}`);
  return found;
}

/** The fields of a PolarOAuthError for a recorded response. */
export function saidIn({ response: { status, body } }: WireCase) {
  const { error, error_description, detail } = body as {
    error?: string;
    error_description?: string;
    detail?: string | { loc: unknown[]; msg: string }[];
  };
  const complaint = Array.isArray(detail)
    ? detail.map(({ loc, msg }) => `${loc.slice(1).join('.')}: ${msg}`).join('; ')
    : undefined;
  return {
    error: error ?? 'unknown',
    errorDescription: error_description ?? complaint,
    httpStatus: status,
  };
}
