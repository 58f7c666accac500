import { type Html, html, Html as Markup } from './html.js';
import { pageScript } from './page-script.js';
import { pageStyle } from './page-style.js';

/** The parts of a page. */
export interface Layout {
  readonly title: string;
  /** Lets the inline style and script through the Content-Security-Policy. */
  readonly nonce: string;
  /** Content at the right of the header. */
  readonly aside?: Html | undefined;
  readonly content: Html;
}

/** A complete document. It loads no other file but the icon, and works without JavaScript. */
export function layout({ title, nonce, aside, content }: Layout): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" type="image/svg+xml" href="/favicon.svg">
<style nonce="${nonce}">${new Markup(pageStyle)}</style>
</head>
<body>
<header class="bar">
<a class="brand" href="/">${mark}<span>passport-polar-sh <small>example app</small></span></a>
${aside}
</header>
<main>
${content}
</main>
<footer class="foot">
<p>An Express app with Passport and <code>passport-polar-sh</code>. Its source is in <code>example-app/</code>.</p>
</footer>
<p class="unseen" id="announcer" aria-live="polite"></p>
<script nonce="${nonce}">${new Markup(pageScript)}</script>
</body>
</html>
`.markup;
}

/** A globe with its meridians. */
export const mark = html`<svg class="mark" viewBox="0 0 32 32" width="28" height="28" fill="none" stroke="currentColor" stroke-width="2.2" aria-hidden="true"><circle cx="16" cy="16" r="13"/><ellipse cx="16" cy="16" rx="7.5" ry="13"/><ellipse cx="16" cy="16" rx="2.4" ry="13"/></svg>`;
