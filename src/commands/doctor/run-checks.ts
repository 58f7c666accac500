import { within } from '../../async/within.js';
import { type Check, type CheckResult, type Finding, failed, kindOf } from './check.js';

class LateError extends Error {}

/**
 * Runs all checks side by side, each within a limit.
 *
 * @param limitMs milliseconds for each check
 */
export function runChecks<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
  limitMs: number,
): Promise<Finding[]> {
  return Promise.all(
    checks.map(async ({ name, run }) => ({ check: name, ...(await resultOf(() => run(subject), limitMs)) })),
  );
}

async function resultOf(
  run: () => CheckResult | Promise<CheckResult>,
  limitMs: number,
): Promise<CheckResult> {
  try {
    return await within((async () => run())(), limitMs, () => new LateError());
  } catch (error) {
    if (error instanceof LateError)
      return failed(
        `no result within ${limitMs} ms`,
        'Find out what does not respond, or run the command again.',
      );
    return failed(
      `the check itself failed (${kindOf(error)})`,
      'Report this with the output of this command.',
    );
  }
}
