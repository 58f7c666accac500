/** The part of node's `process` that commands use. */
export interface Terminal {
  /** Interpreter and script come first, as in `process.argv`. */
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}

/** What a command needs that runs until it is stopped. */
export interface ServerTerminal extends Terminal {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Id of the parent process, as it is when asked for. */
  readonly ppid?: number;
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}
