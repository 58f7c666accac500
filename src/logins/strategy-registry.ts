import { BoundedMap } from '../bounded-map.js';

// An app with a strategy per tenant may create any number of them.
const maxStrategies = 1000;
const namesEach = 2;

/**
 * The strategies of this process, by what their logins are bound to. A logout through one strategy ends the logins of all, but
 * only the strategy that created a login can open and revoke its tokens. The registry does not keep unused strategies alive,
 * and evicts the least recently used ones beyond a limit.
 */
export class StrategyRegistry<Strategy extends object> {
  readonly #strategies = new BoundedMap<WeakRef<Strategy>>(maxStrategies * namesEach);

  /** Adds a strategy, which replaces an earlier one for the same client, server and session key. */
  add(boundTo: BoundTo, strategy: Strategy): void {
    for (const name of namesOf(boundTo)) this.#strategies.set(name, new WeakRef(strategy));
  }

  /** Finds the strategy that created a login, or another for the same client and server, if this process still has one. */
  find(boundTo: BoundTo): Strategy | undefined {
    for (const name of namesOf(boundTo)) {
      const found = this.#strategies.get(name)?.deref();
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** What a login is bound to. */
export interface BoundTo {
  readonly clientID: string;
  readonly server: string;
  /** Session key of the login; strategies of one client may have different ones. */
  readonly sessionKey: string;
}

const namesOf = ({ clientID, server, sessionKey }: BoundTo): string[] => [
  JSON.stringify([clientID, server, sessionKey]),
  JSON.stringify([clientID, server]),
];
