/** Markup that is safe to send; only {@link html} creates it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Part = string | number | Html | readonly Html[] | undefined | false;

/** A template tag that escapes every value except its own markup. */
export function html(fragments: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(
    fragments.reduce((markup, fragment, index) => markup + markupOf(parts[index - 1]) + fragment),
  );
}

function markupOf(part: Part): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Html) return part.markup;
  if (typeof part === 'object') return part.map(({ markup }) => markup).join('');
  return String(part).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
