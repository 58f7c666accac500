import { randomUUID } from 'node:crypto';
import { type EmulatorRequest, lastValue } from '../http/message.js';
import type { Directory, DirectoryUser } from './directory.js';

/** Query parameter by which the sign-in page and the consent page choose another user. */
export const USER_PARAMETER = 'polar_emulator_user';

/**
 * The user who is signed in at this Polar: the user that the browser chose on the consent page, otherwise the one set by the
 * controls. Setting one by the controls clears the choices of all browsers.
 */
export class SignedInUser {
  readonly #directory: Directory;
  #user: DirectoryUser | undefined;
  #era = randomUUID();

  constructor(directory: Directory, email: string | undefined) {
    this.#directory = directory;
    this.#user = email === undefined ? directory.users[0] : this.#lookUp(email);
  }

  /** E-mail address of the user; empty if no user is signed in. */
  get email(): string {
    return this.#user?.email ?? '';
  }

  /** @throws TypeError if there is no such user. */
  set(email: string): void {
    this.#user = this.#lookUp(email);
    this.#era = randomUUID();
  }

  /** The user who is signed in in the browser that sent this request, if any. */
  of(request: EmulatorRequest): DirectoryUser | undefined {
    return this.chosenIn(request) ?? this.#fromCookie(request) ?? this.#user;
  }

  /** The user that the request itself names, who has just signed in. */
  chosenIn(request: EmulatorRequest): DirectoryUser | undefined {
    return this.#directory.find(lastValue(request.query, USER_PARAMETER) ?? '');
  }

  /** A cookie by which the browser stays signed in as this user. */
  cookie(user: DirectoryUser): string {
    return `polar_emulator_user=${this.#era}.${encodeURIComponent(user.email)}; Path=/oauth2/; HttpOnly; SameSite=Lax`;
  }

  #lookUp(email: string): DirectoryUser | undefined {
    return email === '' ? undefined : this.#directory.byEmail(email);
  }

  #fromCookie(request: EmulatorRequest): DirectoryUser | undefined {
    // The era makes cookies of another emulator on this host (cookies ignore ports) and of an earlier choice void.
    const prefix = `polar_emulator_user=${this.#era}.`;
    const pair = (request.headers.cookie ?? '').split('; ').find((each) => each.startsWith(prefix));
    if (pair === undefined) return undefined;
    return this.#directory.users.find(({ email }) => encodeURIComponent(email) === pair.slice(prefix.length));
  }
}
