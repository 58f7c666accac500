import type { PublicError } from '../errors.js';
import { html } from './html.js';
import { layout } from './layout.js';

const titles: Readonly<Record<number, string>> = {
  401: 'Please log in again',
  403: 'Not allowed',
  404: 'Page not found',
  502: 'Unexpected response from Polar',
  503: 'Polar is unavailable',
};

/** The page for an error. */
export function errorPage({ status, code, message, isFailedLogin }: PublicError, nonce: string): string {
  const known = isFailedLogin ? 'You are not logged in' : titles[status];
  const title = known ?? (status < 500 ? 'That did not work' : 'Something went wrong');
  return layout({
    title,
    nonce,
    content: html`<section class="card error" aria-labelledby="title">
<p class="eyebrow">${status} · ${code}</p>
<h1 id="title">${title}</h1>
<p class="lead" role="alert">${message}</p>
<p class="actions">${
      status === 401 || isFailedLogin
        ? html`<a class="button primary" href="/auth/polar">Log in again</a> <a class="button" href="/">Home</a>`
        : html`<a class="button primary" href="/">Back to the start</a>`
    }</p>
</section>`,
  });
}
