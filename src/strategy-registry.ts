import { BoundedMap } from './tokens/bounded-map.js';

// Apps that make a strategy for each tenant may make any number of them.
const maxStrategies = 1000;
const namesEach = 2;

/**
 * The strategies of this process, by what their logins are bound to: a logout with one strategy ends the logins of all,
 * and only the strategy that a login came from can open and revoke its tokens. Those that nobody uses any more are not
 * kept alive, and of very many the ones used least recently are forgotten.
 */
export class StrategyRegistry<Strategy extends object> {
  readonly #strategies = new BoundedMap<WeakRef<Strategy>>(maxStrategies * namesEach);

  /** Remembers a strategy; of two for the same client, server and session key the last one counts. */
  add(boundTo: BoundTo, strategy: Strategy): void {
    for (const name of namesOf(boundTo)) this.#strategies.set(name, new WeakRef(strategy));
  }

  /** The strategy that a login came from, or else one of its client and server, if this process still has it. */
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
  /** Where it is in the session: strategies of one client may differ in that. */
  readonly sessionKey: string;
}

const namesOf = ({ clientID, server, sessionKey }: BoundTo): string[] => [
  JSON.stringify([clientID, server, sessionKey]),
  JSON.stringify([clientID, server]),
];
