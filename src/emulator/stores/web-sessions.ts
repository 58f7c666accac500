import type { Clock } from '../clock.js';
import { randomToken } from '../random-token.js';
import type { DirectoryUser } from '../users/directory.js';

interface WebSession {
  readonly user: DirectoryUser;
  /** Seconds since the epoch. */
  readonly createdAt: number;
}

const LIFETIME_SECONDS = 31 * 24 * 60 * 60;

/** Sessions of Polar's own web app, which `grant_type=web` exchanges for tokens. */
export class WebSessions {
  readonly #sessions = new Map<string, WebSession>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new `session_token` of the user. */
  create(user: DirectoryUser): string {
    const token = randomToken('polar_us_');
    this.#sessions.set(token, { user, createdAt: this.#clock.seconds() });
    return token;
  }

  /** Whose session it is, unless it is unknown or older than 31 days. */
  find(token: string): DirectoryUser | undefined {
    const session = this.#sessions.get(token);
    if (session === undefined || this.#clock.hasPassed(session.createdAt, LIFETIME_SECONDS)) return undefined;
    return session.user;
  }

  clear(): void {
    this.#sessions.clear();
  }
}
