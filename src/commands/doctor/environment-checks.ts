import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, failed, ok, skipped, warning } from './check.js';
import type { Env, ExaminedApp, ExaminedValue } from './examined-app.js';
import { kindOfValue, problemOfText } from './variable.js';

/** The checks of what the app's environment says; they send nothing. */
export const environmentChecks: readonly Check<ExaminedApp>[] = [
  { name: 'polar-server', run: ({ server }) => server.result },
  { name: 'polar-client-id', run: ({ clientID }) => clientID.result },
  { name: 'polar-client-secret', run: ({ clientSecret }) => clientSecret.result },
  { name: 'session-secret', run: ({ env }) => sessionSecretResult(env) },
];

/**
 * Examines the client id.
 *
 * @param isPolar true for one of Polar's own servers, whose ids all start alike
 */
export function examineClientID(
  option: string | undefined,
  env: Env,
  isPolar: boolean,
  folder: string,
): ExaminedValue {
  const name = option === undefined ? 'POLAR_CLIENT_ID' : '--client-id';
  const value = option ?? env['POLAR_CLIENT_ID'];
  if (!value) {
    const file = existsSync(join(folder, '.env')) ? ' For the variables of .env, pass --read-env .env.' : '';
    return {
      result: failed(
        `${name} is not set`,
        `Set it to the id of your client; npx passport-polar-sh register creates one.${file}`,
      ),
    };
  }
  const problem = problemOfText(name, value);
  if (problem !== undefined) return { result: problem };
  const kind = kindOfValue(value);
  if (kind === 'a client secret' && kindOfValue(env['POLAR_CLIENT_SECRET'] ?? '') === 'a client id')
    return {
      result: failed('the client id and the client secret are swapped', 'Exchange the two variables.'),
    };
  if (kind !== undefined && kind !== 'a client id')
    return {
      result: failed(
        `${name} is ${kind}`,
        'Use the id of the OAuth client (polar_ci_...). Replace what stood here if it has been in a URL or log.',
      ),
    };
  if (kind === undefined && isPolar)
    return {
      value,
      result: warning(`${name} does not start with polar_ci_`, 'Compare it with the id at Polar.'),
    };
  return { value, result: ok('looks like a client id') };
}

/** Examines the client secret, which public clients do not have. */
export function examineClientSecret(env: Env, isPolar: boolean): ExaminedValue {
  const name = 'POLAR_CLIENT_SECRET';
  const value = env[name];
  if (value === '')
    return {
      result: warning(
        `${name} is set, but empty`,
        'Set it, or remove it for a public client: the option clientSecret refuses an empty text.',
      ),
    };
  if (value === undefined)
    return { result: skipped(`${name} is not set, so this has to be a public client`) };
  const problem = problemOfText(name, value);
  if (problem !== undefined) return { result: problem };
  const kind = kindOfValue(value);
  if (kind !== undefined && kind !== 'a client secret')
    return {
      result: failed(`${name} is ${kind}`, 'Use the secret of the OAuth client (polar_cs_...).'),
    };
  if (kind === undefined && isPolar)
    return {
      value,
      result: warning(`${name} does not start with polar_cs_`, 'Compare it with the secret at Polar.'),
    };
  return { value, result: ok('looks like a client secret') };
}

const minSessionSecretLength = 32;

function sessionSecretResult(env: Env) {
  const value = env['SESSION_SECRET'];
  if (!value)
    return warning(
      'SESSION_SECRET is not set, and express-session needs a secret',
      'Set it: openssl rand -base64 32. If your app takes the secret from elsewhere, ignore this.',
    );
  if (value.trim().length >= minSessionSecretLength && !/^(.)\1*$/.test(value))
    return ok(`${minSessionSecretLength} characters or more`);
  return (env['NODE_ENV'] === 'production' ? failed : warning)(
    'SESSION_SECRET is easy to guess, and with it anybody could sign cookies',
    `Use a random one of ${minSessionSecretLength} characters or more: openssl rand -base64 32`,
  );
}
