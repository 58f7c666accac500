import type { Clock } from '../clock.js';
import { type EmulatorRequest, Refusal } from '../http/message.js';
import type { Tokens } from '../stores/tokens.js';
import { ExpiringMap } from './expiring-map.js';

const WINDOW_SECONDS = 60;
/** For a token that was not accepted in the last five minutes. */
const UNKNOWN_TOKEN_PER_MINUTE = 60;
const KNOWN_FOR_SECONDS = 300;

/**
 * Polar's rate limits. Requests without a token, which are those for tokens, introspection, revocation and registration
 * together, share a bucket per IP address; API calls with a token that Polar knows share one per OAuth client; any
 * other token has a small one of its own. A minute begins with the first request, and refused requests do not count.
 */
export class RateLimits {
  readonly #left: ExpiringMap<{ requests: number }>;
  /** The client of each token that was accepted lately. */
  readonly #clients: ExpiringMap<string>;
  readonly #perMinute: number | undefined;

  /** @param perMinute - how many requests a bucket holds; `undefined` for no limits at all */
  constructor(clock: Clock, perMinute: number | undefined) {
    this.#left = new ExpiringMap(clock.now, WINDOW_SECONDS);
    this.#clients = new ExpiringMap(clock.now, KNOWN_FOR_SECONDS);
    this.#perMinute = perMinute;
  }

  /**
   * @param token - of the Bearer header, if there is one
   * @throws Refusal 429 when the bucket of the request is empty
   */
  count({ path, clientAddress }: EmulatorRequest, token: string | undefined, tokens: Tokens): void {
    if (this.#perMinute === undefined || !path.startsWith('/v1')) return;
    if (token === undefined) {
      this.#take(`address ${clientAddress}`, this.#perMinute);
      return;
    }
    const clientID = this.#clients.get(token);
    if (clientID === undefined) this.#take(`token ${token}`, UNKNOWN_TOKEN_PER_MINUTE);
    else this.#take(`client ${clientID}`, this.#perMinute);
    const record = tokens.findByAccessToken(token);
    if (record === undefined || !tokens.isAccepted(record)) this.#clients.delete(token);
    else this.#clients.set(token, record.clientID);
  }

  clear(): void {
    this.#left.clear();
    this.#clients.clear();
  }

  #take(bucket: string, size: number): void {
    const left = this.#left.get(bucket) ?? { requests: size };
    if (left.requests === size) this.#left.set(bucket, left);
    // Polar names the whole minute, however much of it has passed.
    const headers = { 'retry-after': String(WINDOW_SECONDS) };
    if (left.requests === 0) throw new Refusal({ status: 429, headers, body: '' });
    left.requests -= 1;
  }
}
