import { type Html, html } from './html.js';

const keywords = new Set(
  'as async await const export from function if import new null return throw type undefined'.split(' '),
);

const token = new RegExp(
  [
    String.raw`(?<comment>\/\/[^\n]*|\/\*.*?\*\/)`,
    String.raw`(?<string>'[^'\n]*'|\`[^\`]*\`)`,
    String.raw`(?<call>\b[A-Za-z_]\w*(?=\())`,
    String.raw`(?<word>\b[A-Za-z_]\w*)`,
  ].join('|'),
  'gs',
);

/** Marks comments, strings, keywords and calls in TypeScript. It knows as much of the language as this app's own code needs. */
export function highlight(source: string): Html[] {
  const parts: Html[] = [];
  let end = 0;
  for (const { 0: text, index, groups } of source.matchAll(token)) {
    parts.push(html`${source.slice(end, index)}${marked(text, groups ?? {})}`);
    end = index + text.length;
  }
  return [...parts, html`${source.slice(end)}`];
}

type Groups = Readonly<Record<string, string | undefined>>;

function marked(text: string, { comment, string, call }: Groups): Html {
  const kind = comment ? 'c' : string ? 's' : keywords.has(text) ? 'k' : call ? 'f' : undefined;
  return kind === undefined ? html`${text}` : html`<i class="${kind}">${text}</i>`;
}
