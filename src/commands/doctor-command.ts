import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { resolveConnection } from '../client/client-options.js';
import type { Fetch } from '../http/http.js';
import { checkList } from '../options/option-checks.js';
import { parseURL } from '../text/parse-url.js';
import { redirectURICheck, scopesCheck } from './doctor/authorize-checks.js';
import { type Check, type CheckResult, skipped } from './doctor/check.js';
import { clientCheck } from './doctor/client-check.js';
import { environmentChecks, examineClientID, examineClientSecret } from './doctor/environment-checks.js';
import type { Env, ExaminedApp } from './doctor/examined-app.js';
import { nodeCheck, nodeEnvCheck, packageChecks } from './doctor/node-checks.js';
import { clockCheck, contactPolar, reachabilityCheck } from './doctor/polar-contact.js';
import { examineServer, otherPolar } from './doctor/polar-server.js';
import { runProbe } from './doctor/probe.js';
import { hasFailed, reportJSON, reportTable } from './doctor/report.js';
import { runChecks } from './doctor/run-checks.js';
import { environmentOf, readEnvHelp, refuseEnvFile } from './read-env.js';
import { type Terminal, usageError } from './terminal.js';

const defaultRedirectURI = (port: string): string =>
  new URL(`http://localhost:${port}/auth/polar/callback`).href;

/** The output of `passport-polar-sh doctor --help`. */
export const doctorHelp = `Usage: passport-polar-sh doctor [options]

Checks the configuration of an app within ten seconds. Run it in the folder of the app, with its environment.

  --server NAME          sandbox, production, or the address of a local Polar
                         (default: POLAR_WEB_URL and POLAR_API_URL, then POLAR_SERVER)
  --client-id ID         id of the client (default: POLAR_CLIENT_ID)
  --redirect-uri URI     redirect URI of the app (default: ${defaultRedirectURI('3000')},
                         with the port of PORT)
  --scope "A B"          scopes that the app requests (default: openid email)
  --session-store FILE   module that exports the session store, or a function that returns it
${readEnvHelp}
  --json                 print the result as JSON
  --help                 show this text

Secrets are taken from the environment only: POLAR_CLIENT_SECRET, SESSION_SECRET, REDIS_URL, DATABASE_URL.
Exit codes: 0 if nothing failed, 1 if a check failed, 2 for invalid arguments.
`;

const options = {
  server: { type: 'string' },
  'client-id': { type: 'string' },
  'redirect-uri': { type: 'string' },
  scope: { type: 'string' },
  'session-store': { type: 'string' },
  'read-env': { type: 'string' },
  json: { type: 'boolean' },
} as const;

const checks: readonly Check<ExaminedApp>[] = [
  nodeCheck,
  nodeEnvCheck,
  ...packageChecks,
  ...environmentChecks,
  reachabilityCheck,
  clockCheck,
  clientCheck,
  redirectURICheck,
  scopesCheck,
  {
    name: 'session-store',
    run: ({ runProbe, sessionStore }) =>
      sessionStore === undefined
        ? skipped('pass the module of your session store with --session-store')
        : runProbe('session-store', [sessionStore]),
  },
  { name: 'redis', run: (app) => databaseResult(app, 'REDIS_URL', 'redis') },
  { name: 'postgres', run: (app) => databaseResult(app, 'DATABASE_URL', 'postgres') },
];

function databaseResult(
  { env, runProbe }: ExaminedApp,
  variable: string,
  probe: 'redis' | 'postgres',
): CheckResult | Promise<CheckResult> {
  return env[variable] ? runProbe(probe, []) : skipped(`${variable} is not set`);
}

/** What the command works with; for tests. */
export interface DoctorSurroundings {
  readonly fetch?: Fetch;
  readonly now?: () => number;
  /** Milliseconds for each request. */
  readonly requestMs?: number;
  /** Milliseconds for each check; all run side by side. */
  readonly checkMs?: number;
  readonly folder?: string;
  readonly nodeVersion?: string;
}

/** `passport-polar-sh doctor`: checks the configuration of an app from the outside. */
export async function doctorCommand(
  args: readonly string[],
  terminal: Terminal,
  surroundings: DoctorSurroundings = {},
): Promise<void> {
  const { checkMs = 8000 } = surroundings;
  let request: { readonly app: ExaminedApp; readonly json: boolean };
  try {
    request = parseRequest(args, terminal, { ...surroundings, checkMs });
  } catch (error) {
    terminal.stderr.write(`passport-polar-sh doctor: ${usageError(error)}\n`);
    terminal.exitCode = 2;
    return;
  }
  const findings = await runChecks(checks, request.app, checkMs);
  terminal.exitCode = hasFailed(findings) ? 1 : 0;
  const report = request.json ? reportJSON(findings) : reportTable(findings, terminal.stdout.columns);
  // An aborted request may still wait for name resolution or TLS, and would keep the process alive.
  terminal.stdout.write(report, (error) => {
    if (!error) terminal.exit?.();
  });
}

function parseRequest(
  args: readonly string[],
  terminal: Terminal,
  surroundings: DoctorSurroundings & { readonly checkMs: number },
): { app: ExaminedApp; json: boolean } {
  refuseEnvFile(args, '--read-env');
  const { positionals, values } = parseArgs({ args: [...args], options, allowPositionals: true });
  // Does not quote them: they may be secrets.
  if (positionals.length > 0) throw new TypeError('Only options are expected.');
  const { fetch } = resolveConnection({ fetch: surroundings.fetch });
  const { checkMs, now = Date.now } = surroundings;
  const { folder = process.cwd(), nodeVersion = process.version, requestMs = checkMs / 2 } = surroundings;
  const env = environmentOf(terminal, values['read-env'], folder);
  const server = examineServer(values.server, env);
  if (values.server !== undefined && server.resolved === undefined)
    throw new TypeError(`${server.result.found}.`);
  const isPolar = otherPolar(server) !== undefined;
  const scopes = scopesOf(values.scope);
  const limitMs = checkMs - 500;
  return {
    json: values.json ?? false,
    app: {
      env,
      folder,
      nodeVersion,
      server,
      clientID: examineClientID(values['client-id'], env, isPolar, folder),
      clientSecret: examineClientSecret(env, isPolar),
      redirectURI: redirectURIOf(values['redirect-uri'], env),
      isRedirectURIGiven: values['redirect-uri'] !== undefined,
      // As the strategy does: without openid there is no login.
      scopes: [...new Set(['openid', ...scopes])],
      sessionStore: values['session-store'] && resolve(folder, values['session-store']),
      fetch,
      now,
      requestMs,
      contact: server.resolved && contactPolar(server.resolved, { fetch, now, requestMs }),
      runProbe: (name, probeArgs) => runProbe(name, probeArgs, { terminal, env, folder, limitMs }),
    },
  };
}

// Scopes are shown, so whatever cannot be one is refused.
function scopesOf(option = 'openid email'): readonly string[] {
  const scopes = checkList(option, '--scope');
  if (scopes.every((scope) => /^[a-z_.:-]{1,50}$/.test(scope))) return scopes;
  throw new TypeError('--scope must be scopes of Polar, such as "openid email products:read".');
}

function redirectURIOf(option: string | undefined, { PORT = '' }: Env): string {
  if (option === undefined)
    return defaultRedirectURI(/^[1-9]\d{0,4}$/.test(PORT) && Number(PORT) <= 65_535 ? PORT : '3000');
  const url = parseURL(option);
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new TypeError(`--redirect-uri must be an absolute URI, such as ${defaultRedirectURI('3000')}.`);
  return option;
}
