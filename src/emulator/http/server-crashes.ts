import { crashRefusal } from './answers.js';
import { type EmulatorRequest, lastValue } from './message.js';

/** @throws Refusal for a form that cannot be read; call it before reading a form. */
export function refuseBrokenForm({ formRefusal }: EmulatorRequest): void {
  if (formRefusal !== undefined) throw formRefusal;
}

/**
 * Returns the last value of a field of the form.
 *
 * @throws Refusal 500 if it is a file: Polar expects text.
 */
export function formValue({ form, files }: EmulatorRequest, name: string): string | undefined {
  if (files.includes(name)) throw crashRefusal();
  return lastValue(form, name);
}

export function isASCII(text: string): boolean {
  return /^\p{ASCII}*$/u.test(text);
}

/** @throws Refusal 500 for a text that is not ASCII: Polar hashes tokens, and compares secrets, as ASCII only. */
export function refuseNonASCII(text: string): void {
  if (!isASCII(text)) throw crashRefusal();
}

/** @throws Refusal 500 for a text with a NUL, which Polar's database does not accept. */
export function refuseNUL(text: string): void {
  if (text.includes('\0')) throw crashRefusal();
}
