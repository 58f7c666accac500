/** Markup that is safe to send: only {@link html} makes it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

type Part = string | Html | readonly Html[];

/** A template tag that escapes every value, except markup that it made itself. */
export function html(fragments: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let markup = '';
  fragments.forEach((fragment, index) => {
    markup += fragment + markupOf(parts[index] ?? '');
  });
  return new Html(markup);
}

function markupOf(part: Part): string {
  if (part instanceof Html) return part.markup;
  if (typeof part === 'string')
    return part.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
  return part.map(({ markup }) => markup).join('');
}
