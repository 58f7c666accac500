/** What is wrong with a text that is no JSON, and after how many characters, in the words of Python's parser. */
export interface JSONProblem {
  readonly message: string;
  readonly position: number;
}

/** How deeply arrays and objects may be nested for Python's parser. */
export const MAX_DEPTH = 9998;

/** A text that Python's parser gives up on, whatever else is wrong with it. */
export class TooDeep extends Error {}

/**
 * @param text - something that `JSON.parse` refuses
 * @returns `undefined` for what Python's parser takes all the same, like `NaN`
 * @throws TooDeep
 */
export function jsonProblem(text: string): JSONProblem | undefined {
  try {
    new Scanner(text).document();
  } catch (error) {
    if (!(error instanceof Flaw)) throw error;
    // Python counts characters, not UTF-16 units.
    return { message: error.message, position: [...text.slice(0, error.position)].length };
  }
  return undefined;
}

class Flaw extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

const SCALAR = /null|true|false|NaN|-?Infinity|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Keeps the ends of what is open in a list, as recursion would fill the stack. */
  document(): void {
    const ends: ('}' | ']')[] = [];
    do {
      const opened = this.#scalarOrOpening();
      if (opened !== undefined) {
        if (ends.push(opened) > MAX_DEPTH) throw new TooDeep();
        if (!this.#skipIf(opened)) {
          if (opened === '}') this.#propertyName();
          continue;
        }
        ends.pop();
      }
      this.#closings(ends);
    } while (ends.length > 0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw new Flaw('Extra data', this.#at);
  }

  get #next(): string {
    return this.#text.charAt(this.#at);
  }

  #skipSpace(): void {
    while (/[ \t\n\r]/.test(this.#next)) this.#at += 1;
  }

  /** Steps over the character, and space before it, if it comes next. */
  #skipIf(character: string): boolean {
    this.#skipSpace();
    if (this.#next !== character) return false;
    this.#at += 1;
    return true;
  }

  /** Steps over a string, a number or a word, or into an array or object, whose end it returns. */
  #scalarOrOpening(): '}' | ']' | undefined {
    if (this.#skipIf('{')) return '}';
    if (this.#skipIf('[')) return ']';
    if (this.#next === '"') return void this.#string();
    SCALAR.lastIndex = this.#at;
    const found = SCALAR.exec(this.#text);
    if (found === null) throw new Flaw('Expecting value', this.#at);
    this.#at += found[0].length;
    return undefined;
  }

  /** Steps over what may follow a value, up to the next value. */
  #closings(ends: ('}' | ']')[]): void {
    for (let end = ends.at(-1); end !== undefined; end = ends.at(-1)) {
      if (!this.#skipIf(end)) {
        const comma = this.#at;
        this.#expect(',');
        this.#skipSpace();
        if (this.#next === end) {
          const kind = end === '}' ? 'object' : 'array';
          throw new Flaw(`Illegal trailing comma before end of ${kind}`, comma);
        }
        if (end === '}') this.#propertyName();
        return;
      }
      ends.pop();
    }
  }

  #propertyName(): void {
    if (this.#next !== '"') throw new Flaw('Expecting property name enclosed in double quotes', this.#at);
    this.#string();
    this.#skipSpace();
    this.#expect(':');
  }

  #expect(character: string): void {
    if (this.#next !== character) throw new Flaw(`Expecting '${character}' delimiter`, this.#at);
    this.#at += 1;
  }

  #string(): void {
    const start = this.#at;
    this.#at += 1;
    while (this.#next !== '"') {
      if (this.#next === '') throw new Flaw('Unterminated string starting at', start);
      if (this.#next < ' ') throw new Flaw('Invalid control character at', this.#at);
      if (this.#next === '\\') this.#escape(start);
      else this.#at += 1;
    }
    this.#at += 1;
  }

  #escape(start: number): void {
    const escaped = this.#text.charAt(this.#at + 1);
    if (escaped === '') throw new Flaw('Unterminated string starting at', start);
    if (!'"\\/bfnrtu'.includes(escaped)) throw new Flaw('Invalid \\escape', this.#at);
    const isUnicode = escaped === 'u';
    if (isUnicode && !/^[\da-f]{4}$/i.test(this.#text.slice(this.#at + 2, this.#at + 6))) {
      throw new Flaw('Invalid \\uXXXX escape', this.#at + 1);
    }
    this.#at += isUnicode ? 6 : 2;
  }
}
