import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

/**
 * A browser with its own cookies, as far as logging in needs one. It follows no redirects.
 *
 * @typedef {{ status: number, location: string | undefined, cookies: string[], text: string }} Page
 * @typedef {{ method?: string, headers?: Record<string, string>, body?: string }} Init
 */
export class Browser {
  #cookies = new Map();

  constructor(/** @type {string} */ origin) {
    this.origin = origin;
  }

  /** Requests a page and keeps the cookies of the response. */
  async open(/** @type {string} */ address, /** @type {Init} */ init = {}) {
    const page = await this.request(address, init);
    this.keepCookies(page);
    return page;
  }

  /** Requests a page. The cookies are kept only if {@link keepCookies} is called: a browser drops the response of a click that is clicked again. */
  async request(/** @type {string} */ address, /** @type {Init} */ init = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...init.headers, ...(cookie && { cookie }), origin: this.origin };
    const { method = 'GET', body } = init;
    // Not fetch: it would reuse connections that the app closes at that moment.
    const sent = request(new URL(address, this.origin), { method, headers, agent: false });
    sent.end(body);
    const [response] = await once(sent, 'response');
    const { statusCode: status, headers: got } = response;
    return { status, location: got.location, cookies: got['set-cookie'] ?? [], text: await text(response) };
  }

  keepCookies(/** @type {Page} */ { cookies }) {
    for (const set of cookies) {
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
