/** The part of the Node.js `process` that commands use. */
export interface Terminal {
  /** Starts with interpreter and script, as `process.argv` does. */
  readonly argv: readonly string[];
  /** `columns` is the width of a terminal. */
  readonly stdout: {
    write(text: string, written?: (error?: Error | null) => void): unknown;
    readonly columns?: number;
  };
  readonly stderr: { write(text: string): unknown };
  /** Absent if the command cannot ask the user. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The version of Node.js, such as `v24.0.0`. */
  readonly version?: string;
  /** Sends a message to the parent process; absent without a channel to it. */
  readonly send?: ((message: object) => unknown) | undefined;
  exitCode?: number | string | null | undefined;
  /** Ends the process with `exitCode`. */
  readonly exit?: (() => unknown) | undefined;
}

/** The part of `process` that a command uses which runs until it is stopped. */
export interface ServerTerminal extends Terminal {
  /** Current id of the parent process. */
  readonly ppid?: number;
  once(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/** The message for invalid arguments: only the first sentence of the long explanation by Node.js. */
export function usageError(error: unknown): string {
  const [sentence = ''] = messageOf(error).split(/\.(?:\s|$)/, 1);
  return `${sentence}. Try --help.`;
}

// Not `instanceof Error`: under Jest, errors of Node.js come from another realm.
/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? String(error.message)
    : String(error);
}

/** What a failed command prints: the message, and where to read more, if the error says so. */
export function failureText(error: unknown): string {
  const isExplained = typeof error === 'object' && error !== null && 'docsURL' in error;
  return `${messageOf(error)}${isExplained ? ` See ${error.docsURL}` : ''}`;
}

/** True for errors of Node.js and the system, such as `EADDRINUSE`. */
export function hasCode(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error;
}
