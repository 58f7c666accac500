import { PassThrough } from 'node:stream';

/** A terminal that writes down what it is shown. */
export class Terminal {
  readonly argv: readonly string[];
  readonly env: Record<string, string> = {};
  ppid = 4711;
  exitCode: number | undefined;
  out = '';
  error = '';
  readonly signals = new Map<string, () => void>();
  /** Nobody sits there, unless a test says so. */
  readonly stdin = Object.assign(new PassThrough(), { isTTY: false });
  readonly stdout = { write: (text: string) => (this.out += text) };
  readonly stderr = { write: (text: string) => (this.error += text) };

  constructor(...args: string[]) {
    this.argv = ['node', 'passport-polar-sh', ...args];
  }

  once(signal: string, listener: () => void): void {
    this.signals.set(signal, listener);
  }
}
