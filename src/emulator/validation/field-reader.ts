import type { Check } from './checks.js';
import { type Complaint, type Problem, validationRefusal } from './complaint.js';

const MISSING: Problem = { type: 'missing', msg: 'Field required' };

/** Reads the fields of a JSON body and collects their problems. */
export class FieldReader {
  readonly #complaints: Complaint[] = [];
  readonly #body: Readonly<Record<string, unknown>>;

  /** @throws Refusal when the body is not an object. */
  constructor(body: unknown) {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      const msg = 'Input should be a valid dictionary or object to extract fields from';
      throw validationRefusal([{ type: 'model_attributes_type', loc: ['body'], msg, input: body }]);
    }
    this.#body = { ...body };
  }

  /** A field that must be there, unless it has a fallback. */
  required(name: string, check: Check, fallback?: string): string {
    const value = this.#body[name] === undefined ? fallback : this.#body[name];
    return value === undefined
      ? this.#complain([name], MISSING, this.#body)
      : this.#checked([name], value, check);
  }

  /** A field that may be absent or null, and then is left out. */
  optional<Name extends string>(name: Name, check: Check): { readonly [Key in Name]?: string } {
    const value = this.#body[name] ?? undefined;
    if (value === undefined) return {};
    return { [name]: this.#checked([name], value, check) } as { readonly [Key in Name]?: string };
  }

  /** A list that must be there, unless it has a fallback. */
  list(name: string, check: Check, fallback?: readonly string[]): readonly string[] {
    const list = this.#body[name] === undefined ? fallback : this.#body[name];
    if (Array.isArray(list)) {
      return list.map((item: unknown, index) => this.#checked([name, index], item, check));
    }
    if (list === undefined) this.#complain([name], MISSING, this.#body);
    else this.#complain([name], { type: 'list_type', msg: 'Input should be a valid list' }, list);
    return [];
  }

  /** @throws Refusal with every complaint, if there are any. */
  finish(): void {
    if (this.#complaints.length > 0) throw validationRefusal(this.#complaints);
  }

  #checked(path: readonly (string | number)[], value: unknown, check: Check): string {
    const result = check(value);
    return 'value' in result ? result.value : this.#complain(path, result, value);
  }

  /** Stands in for the value, so that the reading can go on. */
  #complain(path: readonly (string | number)[], problem: Problem, input: unknown): '' {
    this.#complaints.push({ ...problem, loc: ['body', ...path], input });
    return '';
  }
}
