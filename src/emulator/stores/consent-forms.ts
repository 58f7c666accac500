import type { Answer } from '../http/message.js';
import { randomToken } from '../random-token.js';

/** A consent page that was shown. */
export interface ConsentForm {
  readonly queryString: string;
  /** E-mail address of the user it was shown to. */
  readonly email: string;
  /** What the first post of the form led to. A second one, a double click, gets the same. */
  answer?: Answer;
}

/** Enough for every tab a person has open; the oldest goes first. */
const MAX_FORMS = 1000;

/**
 * The consent pages that were shown. A posted form must name one, and it counts only for the request that page was
 * for: another site can neither post a consent of its own nor swap the parameters.
 */
export class ConsentForms {
  readonly #shown = new Map<string, ConsentForm>();

  /** Remembers a page, and returns the token for its form. */
  show(queryString: string, email: string): string {
    const token = randomToken('');
    this.#shown.set(token, { queryString, email });
    if (this.#shown.size > MAX_FORMS) this.#shown.delete(this.#shown.keys().next().value ?? '');
    return token;
  }

  /** The form that the token stands for, if it was shown for this request. */
  find(token: string, queryString: string): ConsentForm | undefined {
    const form = this.#shown.get(token);
    return form?.queryString === queryString ? form : undefined;
  }

  clear(): void {
    this.#shown.clear();
  }
}
