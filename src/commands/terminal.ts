/** The part of node's `process` that commands use. */
export interface Terminal {
  /** Interpreter and script come first, as in `process.argv`. */
  readonly argv: readonly string[];
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  exitCode?: number | string | null | undefined;
}
