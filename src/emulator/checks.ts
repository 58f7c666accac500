/** The names of all options, each exactly once. */
export type Names<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Rejects unknown names, which would otherwise be ignored; callers may be plain JavaScript.
 *
 * @param what - the owner of the options, for the message
 * @throws TypeError that lists the known names
 */
export function refuseUnknownNames<Options extends object>(
  what: string,
  options: Options,
  names: Names<Options>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: expected an object, not ${String(options)}.`);
  }
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return;
  throw new TypeError(`${what} has no option "${unknown}". Options: ${Object.keys(names).join(', ')}.`);
}

/** @throws TypeError for anything but a number within the limits. */
export function checkedNumber(what: string, value: number, least: number, most = Number.MAX_VALUE): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  const limits = most === Number.MAX_VALUE ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new TypeError(`${what} must be a number ${limits}, not ${shown(value)}.`);
}

/** @throws TypeError for anything but a whole number within the limits. */
export function checkedInteger(what: string, value: number, least: number, most?: number): number {
  if (Number.isInteger(checkedNumber(what, value, least, most))) return value;
  throw new TypeError(`${what} must be a whole number, not ${value}.`);
}

/** @throws TypeError for anything but one of the choices. */
export function checkedChoice<Choice extends string>(
  what: string,
  value: Choice,
  choices: readonly Choice[],
): Choice {
  if (choices.includes(value)) return value;
  throw new TypeError(`${what} must be one of ${choices.join(', ')}, not ${shown(value)}.`);
}

/** @throws TypeError for anything but a non-empty string. */
export function checkedText(what: string, value: string): string {
  if (typeof value === 'string' && value.trim() !== '') return value;
  throw new TypeError(`${what} must be a non-empty string, not ${shown(value)}.`);
}

/** @throws TypeError for anything but a list. */
export function checkedList<Item>(what: string, value: readonly Item[]): readonly Item[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`${what} must be a list, not ${shown(value)}.`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value);
}
