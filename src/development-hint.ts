/** Prints a hint for the developer to stderr, except in production: use the diagnostics channel there. */
export function developmentHint(text: string): void {
  if (process.env['NODE_ENV'] === 'production') return;
  process.stderr.write(`passport-polar-sh: ${text.replace(/\s+/g, ' ')}\n`);
}
