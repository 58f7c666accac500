/** What a check found out. `found` and `remedy` contain no value of a variable and no text of a driver: those may be secrets. */
export interface CheckResult {
  readonly result: 'ok' | 'warning' | 'failed' | 'skipped';
  readonly found: string;
  /** What to do. */
  readonly remedy?: string;
}

/** One row of the report. */
export interface Check<Subject> {
  /** Stable: scripts look rows up by it. */
  readonly name: string;
  run(subject: Subject): CheckResult | Promise<CheckResult>;
}

/** A finding of `passport-polar-sh doctor`, by the name of its check. */
export interface Finding extends CheckResult {
  readonly check: string;
}

export const ok = (found: string): CheckResult => ({ result: 'ok', found });
export const skipped = (found: string): CheckResult => ({ result: 'skipped', found });
export const warning = (found: string, remedy: string): CheckResult => ({ result: 'warning', found, remedy });
export const failed = (found: string, remedy: string): CheckResult => ({ result: 'failed', found, remedy });

/** The code of a foreign error, or else its name, if it looks like one: anything else may be a secret, as its message. */
export function kindOf(error: unknown): string {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown };
  const kind = [code, name].find(
    (each) =>
      typeof each === 'string' && /^([A-Z][A-Z_0-9]{1,60}|[0-9A-Z]{5}|[A-Z]?[A-Za-z]{0,60}Error)$/.test(each),
  );
  return kind === undefined ? 'an unknown error' : String(kind);
}
