/** Tells the developer, on stderr, what would otherwise be seen by nobody. In production there is the diagnostics channel. */
export function developmentHint(text: string): void {
  if (process.env['NODE_ENV'] === 'production') return;
  process.stderr.write(`passport-polar-sh: ${text.replace(/\s+/g, ' ')}\n`);
}
