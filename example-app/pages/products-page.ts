import type { Product } from '../polar-lists.js';
import { type Html, html } from './html.js';
import { layout } from './layout.js';

/** Asks for one more scope, and says what for. */
export function stepUpSection(scopes: readonly string[]): Html {
  const isGranted = scopes.includes('products:read');
  return html`<section class="card" aria-labelledby="step-up">
<h2 id="step-up">${isGranted ? 'Your products' : 'One more scope'}</h2>
<p class="quiet">${
    isGranted
      ? html`This login has <code>products:read</code>, so Polar does not ask again.`
      : html`Your products need <code>products:read</code>, which this login does not have. Polar asks you for it, you keep the scopes that you have, and come back to the list.`
  }</p>
<p class="actions"><a class="button" href="/products">${isGranted ? 'Show my products' : 'Allow access and show my products'}</a></p>
</section>`;
}

/** The products that the user sells. */
export function productsPage(products: readonly Product[], nonce: string): string {
  return layout({
    title: 'Your products · Log in with Polar',
    nonce,
    content: html`<section class="card single" aria-labelledby="title">
<h1 id="title">Your products</h1>
<p class="quiet">This page requires the scope <code>products:read</code>: <code>requireScope('products:read')</code> had Polar ask for it if the login lacked it.</p>
${
  products.length === 0
    ? html`<p>Your organizations sell no products.</p>`
    : html`<ul class="items">${products.map(item)}</ul>`
}
<p class="actions"><a class="button primary" href="/">Back to your login</a></p>
</section>`,
  });
}

function item({ name, price, interval }: Product): Html {
  return html`<li><span class="tile" aria-hidden="true">${[...name][0]?.toUpperCase()}</span><span>${name}<small>${price ?? 'Price varies'}${interval !== undefined && ` per ${interval}`}</small></span></li>`;
}
