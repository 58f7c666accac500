import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Something that the library did for one login. */
export interface TimelineEntry {
  /** `logged-in`, `refreshed`, `retried-after-401` and so on. */
  readonly event: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly durationMs?: number | undefined;
  /** Why a login ended. */
  readonly reason?: string | undefined;
  /** The code of the error, if it failed. Messages are for the log. */
  readonly errorCode?: string | undefined;
}

const channels = ['login', 'refresh', 'request', 'logout'].map((name) => `passport-polar-sh:${name}`);
const maxLogins = 1000;
const maxEntries = 20;

/** What the library did for each login, from its diagnostics channels: the latest entries of the latest logins, in this process. */
export class Timeline {
  readonly #logins = new Map<string, TimelineEntry[]>();

  constructor() {
    for (const name of channels) subscribe(name, this.#add);
  }

  /** The entries of a login, oldest first. */
  of(loginId: string | undefined): readonly TimelineEntry[] {
    return this.#logins.get(loginId ?? '') ?? [];
  }

  /** Stops listening. */
  close(): void {
    for (const name of channels) unsubscribe(name, this.#add);
  }

  readonly #add = (message: unknown): void => {
    const { loginId, event, durationMs, reason, error } = message as Readonly<Record<string, unknown>>;
    if (typeof loginId !== 'string' || typeof event !== 'string') return;
    const entry = {
      event,
      at: Date.now(),
      ...(typeof durationMs === 'number' && { durationMs }),
      ...(typeof reason === 'string' && { reason }),
      ...(error !== undefined && {
        errorCode: String((error as { code?: unknown } | null)?.code ?? 'error'),
      }),
    };
    const entries = [...this.of(loginId), entry].slice(-maxEntries);
    // The login that has been quiet for longest is forgotten first.
    this.#logins.delete(loginId);
    this.#logins.set(loginId, entries);
    if (this.#logins.size > maxLogins) this.#logins.delete(this.#logins.keys().next().value as string);
  };
}
