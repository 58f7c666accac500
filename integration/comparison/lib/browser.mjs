/**
 * A browser with its own cookies, as far as logging in needs one. It follows no redirects.
 *
 * @typedef {{ status: number, location: string | null, headers: Headers, text: string }} Page
 */
export class Browser {
  #cookies = new Map();

  constructor(/** @type {string} */ origin) {
    this.origin = origin;
  }

  /** Requests a page and keeps the cookies of the response. */
  async open(/** @type {string} */ address, /** @type {RequestInit} */ init = {}) {
    const page = await this.request(address, init);
    this.keepCookies(page);
    return page;
  }

  /** Requests a page. The cookies are kept only if {@link keepCookies} is called: a browser drops the response of a click that is clicked again. */
  async request(/** @type {string} */ address, /** @type {RequestInit} */ init = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...init.headers, ...(cookie && { cookie }), origin: this.origin };
    const url = new URL(address, this.origin);
    const response = await fetch(url, { ...init, headers, redirect: 'manual' });
    const text = await response.text();
    return {
      status: response.status,
      location: response.headers.get('location'),
      headers: response.headers,
      text,
    };
  }

  keepCookies(/** @type {Page} */ { headers }) {
    for (const set of headers.getSetCookie()) {
      const [pair = '', ...attributes] = set.split(/;\s*/);
      const [name = '', ...value] = pair.split('=');
      const isGone = attributes.some((text) => /^max-age=0$/i.test(text) || isPast(text));
      if (isGone) this.#cookies.delete(name);
      else this.#cookies.set(name, value.join('='));
    }
  }
}

const isPast = (/** @type {string} */ attribute) =>
  /^expires=/i.test(attribute) && Date.parse(attribute.slice('expires='.length)) <= Date.now();
