// A process that verifies id_tokens in three ways.
import { createLocalJWKSet, importJWK, jwtVerify } from 'jose';
import { verifyIdToken } from 'passport-polar-sh';
import { clientID } from '../lib/client.mjs';
import { answerCalls } from '../lib/processes.mjs';

const gc = /** @type {(options?: { type: 'minor' }) => void} */ (globalThis.gc);
/** @type {Record<string, () => Promise<unknown>>} */
const ways = {};

answerCalls({
  async start({ idToken, accessToken, nonce, jwks, issuer }) {
    const server = { webURL: issuer, apiURL: issuer, issuer };
    const ours = { clientID, nonce, accessToken, server };
    const fetch = async () => Response.json(jwks);
    const expected = { issuer, audience: clientID, algorithms: ['RS256'], clockTolerance: 30 };
    const keySet = createLocalJWKSet(jwks);
    const key = await importJWK(jwks.keys[0], 'RS256');
    ways['jose.jwtVerify, local key set'] = () => jwtVerify(idToken, keySet, expected);
    ways['jose.jwtVerify, one imported key'] = () => jwtVerify(idToken, key, expected);
    ways['as at a login, keys cached'] = () => verifyIdToken(idToken, { ...ours, fetch });
    ways['verifyIdToken({ jwks })'] = () => verifyIdToken(idToken, { ...ours, jwks });
  },
  /** Microseconds of CPU of all threads, one after the other. */
  async verify(name, count) {
    gc({ type: 'minor' });
    const before = process.cpuUsage();
    for (let done = 0; done < count; done += 1) await ways[name]?.();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / count;
  },
});
