import { randomToken } from '../random-token.js';
import type { DirectoryUser } from '../users/directory.js';

/** Sessions of Polar's own web app, which `grant_type=web` exchanges for tokens. */
export class WebSessions {
  readonly #users = new Map<string, DirectoryUser>();

  /** A new `session_token` of the user. */
  create(user: DirectoryUser): string {
    const token = randomToken('polar_us_');
    this.#users.set(token, user);
    return token;
  }

  find(token: string): DirectoryUser | undefined {
    return this.#users.get(token);
  }

  clear(): void {
    this.#users.clear();
  }
}
