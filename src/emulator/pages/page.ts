import { createHash } from 'node:crypto';
import { htmlAnswer } from '../http/answers.js';
import type { Answer } from '../http/message.js';
import { Html, html } from './html.js';
import { PAGE_STYLE } from './page-style.js';

const STYLE_HASH = createHash('sha256').update(PAGE_STYLE).digest('base64');

const HEADERS = {
  // No form-action: browsers also apply it to the redirect after the form, and apps may redirect anywhere.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** A web page with the common layout. */
export function page(title: string, content: Html): Answer {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${new Html(PAGE_STYLE)}</style>
</head>
<body>
<main>
${content}
</main>
<footer>A local stand-in for Polar, for development and tests. No real account is involved.</footer>
</body>
</html>
`;
  return htmlAnswer(document.markup, HEADERS);
}
