/** The part of the Node.js `process` that commands use. */
export interface Terminal {
  /** Starts with interpreter and script, as `process.argv` does. */
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  /** Absent if the command cannot ask the user. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly env?: Readonly<Record<string, string | undefined>>;
  exitCode?: number | string | null | undefined;
}

/** The part of `process` that a command uses which runs until it is stopped. */
export interface ServerTerminal extends Terminal {
  /** Current id of the parent process. */
  readonly ppid?: number;
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}
