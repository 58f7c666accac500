import { type CheckResult, failed } from './check.js';

/** What tokens and keys of Polar are, by how they start. */
const kinds: readonly (readonly [prefix: string, kind: string])[] = [
  ['polar_ci_', 'a client id'],
  ['polar_cs_', 'a client secret'],
  ['polar_crt_', 'a registration access token'],
  ['polar_oat_', 'an organization access token'],
  ['polar_pat_', 'a personal access token'],
  ['polar_at_', 'an access token of a user'],
  ['polar_rt_', 'a refresh token of a user'],
  ['polar_whs_', 'a webhook secret'],
];

/** Says what a value of Polar is; undefined for any other text. */
export function kindOfValue(value: string): string | undefined {
  return kinds.find(([prefix]) => value.startsWith(prefix))?.[1];
}

/** What is wrong with the text of a variable, whatever it means. Never quotes it. */
export function problemOfText(name: string, value: string): CheckResult | undefined {
  if (/^\s*(["'`]).*\1\s*$/s.test(value))
    return failed(
      `${name} is in quotes, which are part of its value`,
      'Remove them: docker --env-file and most dashboards take a value literally.',
    );
  if (/^\s|\s$/.test(value))
    return failed(
      `${name} has white space at an end`,
      value.endsWith('\r')
        ? 'Save the file with the variable with line ends of Unix (LF).'
        : 'Remove it where the variable is set.',
    );
  if (/[^\x21-\x7e]/.test(value))
    return failed(`${name} has a space or a character that is not ASCII`, 'Copy the value again.');
  if (/\.\.\.|…|^<.*>$|^(x+|changeme|todo|undefined|null)$|(?<![a-z])your[-_]/i.test(value))
    return failed(`${name} is a placeholder`, 'Set it to the real value.');
  return undefined;
}
