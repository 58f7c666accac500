import { createHttp, type Fetch } from '../../http/http.js';
import type { ResolvedServer } from '../../options/server.js';
import { type Check, type CheckResult, failed, ok, skipped, warning } from './check.js';
import type { ExaminedApp, PolarContact } from './examined-app.js';
import { explainUnreachable, isOfPolar } from './unreachable.js';

/** Fetches Polar's public keys: `GET /.well-known/jwks.json`, which is not rate-limited. Never rejects. */
export async function contactPolar(
  server: ResolvedServer,
  { fetch, now, requestMs }: { fetch: Fetch; now: () => number; requestMs: number },
): Promise<PolarContact> {
  const http = createHttp({ fetch, timeoutMs: requestMs });
  const sentAt = now();
  try {
    const url = server.endpoints?.jwksURI ?? server.apiURL;
    const { status, body, headers } = await http({ method: 'GET', url });
    return { status, body, date: headers.get('date'), sentAt, receivedAt: now() };
  } catch (error) {
    return { error };
  }
}

const noServer = skipped('the server is not known: see polar-server');

export const reachabilityCheck: Check<ExaminedApp> = {
  name: 'polar',
  async run({ contact, env, server }) {
    if (contact === undefined || server.resolved === undefined) return noServer;
    // The path of a wrong address may be anything, even a secret.
    const apiURL = new URL(server.resolved.apiURL).origin;
    const result = await contact;
    if ('error' in result) return explainUnreachable(result.error, apiURL, env);
    if (isOfPolar(result)) return ok(`${apiURL} responds`);
    return failed(`${apiURL} responds, but not as Polar does`, 'Check the address: is it that of the API?');
  },
};

/** The tolerance for the times in an id_token: the default of the option `clockToleranceSeconds`. */
const toleranceSeconds = 30;
const driftSeconds = 10;

export const clockCheck: Check<ExaminedApp> = {
  name: 'clock',
  async run({ contact }): Promise<CheckResult> {
    if (contact === undefined) return noServer;
    const result = await contact;
    if ('error' in result) return skipped('no response of Polar to compare with: see polar');
    const { date, receivedAt, sentAt } = result;
    const polarTime = Date.parse(date ?? '');
    if (Number.isNaN(polarTime)) return skipped('the response has no Date header to compare with');
    // The header is cut to a second, and was written at some time between request and response.
    const ahead = (sentAt + receivedAt) / 2 - (polarTime + 500);
    const seconds = Math.max(0, Math.abs(ahead) - (receivedAt - sentAt) / 2 - 500) / 1000;
    const side = ahead > 0 ? 'ahead of' : 'behind';
    const found = `this machine's clock is ${inWords(seconds)} ${side} Polar's`;
    if (seconds > toleranceSeconds)
      return failed(
        found,
        `Synchronize it (NTP): logins fail if the clocks differ by more than ${toleranceSeconds} s.`,
      );
    if (seconds > driftSeconds) return warning(found, 'Synchronize it (NTP) before the difference grows.');
    return ok("agrees with Polar's clock");
  },
};

function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
