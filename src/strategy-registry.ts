import { BoundedMap } from './tokens/bounded-map.js';

// Apps that make a strategy for each tenant may make any number of them.
const maxStrategies = 1000;

/**
 * The strategies of this process, by what their logins are bound to: a logout with one strategy ends the logins of all,
 * and only the strategy that a login came from can open and revoke its tokens. Those that nobody uses any more are not
 * kept alive, and of very many the ones used least recently are forgotten.
 */
export class StrategyRegistry<Strategy extends object> {
  readonly #strategies = new BoundedMap<WeakRef<Strategy>>(maxStrategies);

  /** Remembers a strategy; of two for the same client and server the last one counts. */
  add(boundTo: BoundTo, strategy: Strategy): void {
    this.#strategies.set(nameOf(boundTo), new WeakRef(strategy));
  }

  /** The strategy that logins of this client and server came from, if this process still has it. */
  find(boundTo: BoundTo): Strategy | undefined {
    return this.#strategies.get(nameOf(boundTo))?.deref();
  }
}

/** What a login is bound to. */
export interface BoundTo {
  readonly clientID: string;
  readonly server: string;
}

const nameOf = ({ clientID, server }: BoundTo): string => JSON.stringify([clientID, server]);
