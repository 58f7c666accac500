/** What one request changes in Polar's database. */
export interface Transaction {
  /**
   * Runs `change` once no other transaction has the row, and has it from then on, until it commits.
   *
   * @param row - the record itself, a code or a pair of tokens
   * @throws Refusal with Polar's 500, when the row does not become free in time
   */
  lock(row: object, change: () => void): Promise<void>;
  /** Runs `change` when the transaction commits: from then on, other requests see it. */
  onCommit(change: () => void): void;
}

/** The transaction of a request in which Polar's server is at work. */
export interface RequestTransaction extends Transaction {
  /** Resolves when the server gets round to sending the response. The commit comes after that. */
  respond(): Promise<void>;
}

/** Polar's server, behind the endpoints: who works on a request, and when its changes are committed. */
export interface Backend {
  /** Resolves when the server gets round to a new request. */
  accept(): Promise<RequestTransaction>;
  /** Resolves when every request that has been accepted so far is committed. */
  settled(): Promise<void>;
  /** So many milliseconds have passed: what they suffice for is committed. */
  passTime(ms: number): void;
  /** Ends all waiting, that of requests that wait for one another, too. Another backend takes over. */
  stop(): void;
}

/** The transaction without `realistic`: every change takes effect at once, as if there were no other requests. */
export const AT_ONCE: RequestTransaction = {
  async lock(_row, change) {
    change();
  },
  onCommit: (change) => change(),
  respond: async () => {},
};

/** The tidy server: it commits before it responds, so of requests at the same time one is the first. */
export const TIDY_BACKEND: Backend = {
  accept: async () => AT_ONCE,
  settled: async () => {},
  passTime: () => {},
  stop: () => {},
};
