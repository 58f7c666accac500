/** The part of node's `process` that commands use. */
export interface Terminal {
  /** Interpreter and script come first, as in `process.argv`. */
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Absent where nobody can be asked. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly env?: Readonly<Record<string, string | undefined>>;
  exitCode?: number | string | null | undefined;
}

/** What a command needs that runs until it is stopped. */
export interface ServerTerminal extends Terminal {
  /** Id of the parent process, as it is when asked for. */
  readonly ppid?: number;
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}
