/**
 * Every fault of the emulator during a refresh, seen from a browser: the response, and whether the login survives.
 * Only the lost response to a refresh that took effect may cost the login; a late one is kept.
 */
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PolarEmulatorFault } from 'passport-polar-sh/emulator';
import { createEmulatorKey } from '../support/emulator-key.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

interface Row {
  readonly fault: PolarEmulatorFault;
  /** Status and error code of the response to the browser. */
  readonly gets: readonly [number, string?];
  /** The fate of the login; it `waits` up to two minutes for a response that may still come. */
  readonly login: 'survives' | 'is lost' | 'waits';
  /** Milliseconds after which Polar counts as unavailable. */
  readonly timeoutMs?: number;
}

const json = (status: number, body: unknown): PolarEmulatorFault => ({ status, body });
const short = { timeoutMs: 400 };

/** The faults that have names: the type makes sure that none is missing. */
const named: Record<Extract<PolarEmulatorFault, string>, Omit<Row, 'fault'>> = {
  hang: { gets: [503, 'timeout'], login: 'waits', ...short },
  'reset-before': { gets: [503, 'network_error'], login: 'survives' },
  garbage: { gets: [502, 'malformed_response'], login: 'survives' },
  html: { gets: [502, 'malformed_response'], login: 'survives' },
  'huge-body': { gets: [502, 'response_too_large'], login: 'survives' },
  'reset-after': { gets: [503, 'network_error'], login: 'is lost' },
  'hang-after': { gets: [503, 'timeout'], login: 'waits', ...short },
  'half-body': { gets: [503, 'network_error'], login: 'is lost' },
};

const table: Row[] = [
  ...Object.entries(named).map(([fault, row]) => ({ fault: fault as PolarEmulatorFault, ...row })),
  { fault: { delayMs: 100 }, gets: [200], login: 'survives' },
  { fault: { slowBodyMs: 100 }, gets: [200], login: 'survives' },
  { fault: { delayMs: 1500 }, gets: [503, 'timeout'], login: 'survives', ...short },
  { fault: { slowBodyMs: 1500 }, gets: [503, 'timeout'], login: 'survives', ...short },
  { fault: { status: 200 }, gets: [502, 'malformed_response'], login: 'survives' },
  { fault: json(200, {}), gets: [502, 'malformed_response'], login: 'survives' },
  { fault: { status: 204 }, gets: [502, 'malformed_response'], login: 'survives' },
  {
    fault: { status: 307, headers: { location: '/elsewhere' } },
    gets: [502, 'unexpected_redirect'],
    login: 'survives',
  },
  { fault: { status: 400 }, gets: [502, 'oauth_error'], login: 'survives' },
  { fault: json(400, { error: 'invalid_request' }), gets: [502, 'invalid_request'], login: 'survives' },
  { fault: json(401, { error: 'invalid_client' }), gets: [500, 'invalid_client'], login: 'survives' },
  { fault: { status: 403 }, gets: [502, 'oauth_error'], login: 'survives' },
  { fault: { status: 404 }, gets: [502, 'oauth_error'], login: 'survives' },
  { fault: { status: 411 }, gets: [502, 'oauth_error'], login: 'survives' },
  { fault: { status: 429 }, gets: [503, 'rate_limited'], login: 'survives' },
  { fault: { status: 429, retryAfterSeconds: 0 }, gets: [503, 'rate_limited'], login: 'survives' },
  { fault: { status: 500 }, gets: [503, 'server_error'], login: 'survives' },
  { fault: json(500, { detail: 'oops' }), gets: [503, 'server_error'], login: 'survives' },
  { fault: { status: 502 }, gets: [503, 'server_error'], login: 'survives' },
  { fault: { status: 503 }, gets: [503, 'server_error'], login: 'survives' },
  { fault: { status: 504 }, gets: [503, 'server_error'], login: 'survives' },
];

let app: TestApp | undefined;
afterEach(() => app?.close());

beforeAll(createEmulatorKey);

describe('a login', () => {
  it.each(table.map((row) => [row.login, JSON.stringify(row.fault).slice(0, 50), row] as const))(
    '%s when its refresh meets %s',
    async (_login, _fault, { fault, gets, login, timeoutMs = 10_000 }) => {
      app = await startTestApp({ strategy: { timeoutMs } });
      const { emulator } = app;
      const browser = await app.loggedInBrowser();
      emulator.advanceTime(864_000);
      const before = emulator.liveTokens()[0]?.refreshToken;
      emulator.fail('token', fault);

      const answer = await browser.get('/token');
      expect([answer.status, answer.body.code]).toEqual([gets[0], gets[1]]);
      if (answer.status !== 200) expect(answer.body.isPolarError).toBe(true);

      // A late response is kept.
      const { exchanges } = await app.polar.settled({ withinMs: login === 'waits' ? 0 : 10_000 });
      expect(exchanges > 0).toBe(login === 'waits');
      // A login is lost only if the refresh took effect at Polar and its response never arrived.
      if (login === 'is lost') expect(emulator.liveTokens()[0]?.refreshToken).not.toBe(before);

      // Polar is healthy again and no longer asks clients to wait.
      emulator.advanceTime(61);
      const next = await browser.get('/token');
      if (login === 'waits') {
        expect([next.status, next.body.code]).toEqual([503, 'timeout']);
      } else if (login === 'survives') {
        expect(next.status).toBe(200);
        expect(next.body.accessToken).toBe(emulator.liveTokens()[0]?.accessToken);
      } else {
        expect([next.status, next.body.code]).toEqual([401, 'login_expired']);
        expect(next.body.message).toMatch(
          /its response to an earlier refresh, with the new tokens, was lost/,
        );
        // A new login helps.
        await browser.logIn();
        expect((await browser.get('/token')).status).toBe(200);
      }
    },
  );

  it('ends when Polar refuses its refresh for good, and the error blames no lost response', async () => {
    app = await startTestApp();
    const browser = await app.loggedInBrowser();
    app.emulator.advanceTime(864_000);
    app.emulator.fail('token', json(400, { error: 'invalid_grant' }));
    const answer = await browser.get('/token');
    expect([answer.status, answer.body.code]).toEqual([401, 'login_expired']);
    expect(answer.body.message).toMatch(/revoked or has expired/);
  });
});
