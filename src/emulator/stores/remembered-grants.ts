import { splitScope } from '../scopes.js';

/** Which scopes a user has granted to a client before, so that the next login needs no consent page. */
export class RememberedGrants {
  readonly #scopes = new Map<string, ReadonlySet<string>>();

  /** True when the user has granted all of `scope` to the client. */
  covers(clientID: string, userID: string, scope: string): boolean {
    const granted = this.#scopes.get(`${clientID} ${userID}`);
    return granted !== undefined && splitScope(scope).every((item) => granted.has(item));
  }

  /** Replaces what was granted before: as at Polar, consenting to less leaves less. */
  remember(clientID: string, userID: string, scope: string): void {
    this.#scopes.set(`${clientID} ${userID}`, new Set(splitScope(scope)));
  }

  clear(): void {
    this.#scopes.clear();
  }
}
