import { type Html, html } from './html.js';
import { moment } from './moment.js';

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** When an access token expires, as a time and as the time left. The script counts down, and announces only the last minutes. */
export function expiry(expiresAt: number | undefined, now: number): Html {
  if (expiresAt === undefined) return html`<p class="countdown">Polar did not say when it expires.</p>`;
  return html`<p class="countdown" data-until="${expiresAt}"><span class="label">expires in</span> <strong id="countdown">${inWords((expiresAt - now) / 1000)}</strong></p>
<p class="until">${moment(expiresAt, 'date')}, then renewed when it is next needed.</p>`;
}

/** A time span in its two largest units. */
export function inWords(seconds: number): string {
  const largest = units.findIndex(([, size]) => seconds >= size);
  if (largest < 0) return 'a moment';
  let rest = seconds;
  const counts = units.slice(largest, largest + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return { count, text: `${count} ${unit}${count === 1 ? '' : 's'}` };
  });
  return counts.flatMap(({ count, text }) => (count > 0 ? [text] : [])).join(', ');
}
