import { type Html, html } from './html.js';

/** A point in time; the script shows it in the reader's time zone. */
export function moment(at: number, format: 'date' | 'clock'): Html {
  const iso = new Date(at).toISOString();
  const text = format === 'clock' ? iso.slice(11, 19) : iso.slice(0, 16).replace('T', ' ');
  return html`<time datetime="${iso}" data-format="${format}">${text} UTC</time>`;
}
