import { fetch, ProxyAgent } from 'undici';

/** A fetch that goes through a proxy, such as http://user:password@proxy.example:3128. */
export function fetchThrough(proxyURL: string): typeof globalThis.fetch {
  const dispatcher = new ProxyAgent(proxyURL);
  const send = (url: string, init: object) => fetch(url, { ...init, dispatcher });
  return send as unknown as typeof globalThis.fetch; // the same, by undici's own types
}
