/** What is wrong with a text that is no JSON, and after how many characters, in the words of Python's parser. */
export interface JSONProblem {
  readonly message: string;
  readonly position: number;
}

/** @param text - something that `JSON.parse` refuses */
export function jsonProblem(text: string): JSONProblem {
  const scanner = new Scanner(text);
  try {
    scanner.document();
  } catch (error) {
    if (!(error instanceof Flaw)) throw error;
    // Python counts characters, not UTF-16 units.
    return { message: error.message, position: [...text.slice(0, error.position)].length };
  }
  return { message: 'Expecting value', position: 0 };
}

class Flaw extends Error {
  readonly position: number;

  constructor(message: string, position: number) {
    super(message);
    this.position = position;
  }
}

const SCALAR = /null|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw new Flaw('Extra data', this.#at);
  }

  get #next(): string {
    return this.#text.charAt(this.#at);
  }

  #skipSpace(): void {
    while (/[ \t\n\r]/.test(this.#next)) this.#at += 1;
  }

  #value(): void {
    this.#skipSpace();
    if (this.#next === '"') this.#string();
    else if (this.#next === '{') this.#items('}', 'object', () => this.#property());
    else if (this.#next === '[') this.#items(']', 'array', () => this.#value());
    else this.#scalar();
  }

  #scalar(): void {
    SCALAR.lastIndex = this.#at;
    const found = SCALAR.exec(this.#text);
    if (found === null) throw new Flaw('Expecting value', this.#at);
    this.#at += found[0].length;
  }

  #items(end: string, kind: string, item: () => void): void {
    this.#at += 1;
    this.#skipSpace();
    while (this.#next !== end) {
      item();
      this.#skipSpace();
      if (this.#next === end) break;
      const comma = this.#at;
      this.#expect(',');
      this.#skipSpace();
      if (this.#next === end) throw new Flaw(`Illegal trailing comma before end of ${kind}`, comma);
    }
    this.#at += 1;
  }

  #property(): void {
    if (this.#next !== '"') throw new Flaw('Expecting property name enclosed in double quotes', this.#at);
    this.#string();
    this.#skipSpace();
    this.#expect(':');
    this.#value();
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
