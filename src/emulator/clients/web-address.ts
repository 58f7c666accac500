import { crashRefusal } from '../http/answers.js';
import { parseURL } from '../parse-url.js';

/**
 * True for a URL with a host and without a fragment. Any scheme is allowed, because apps on phones have their own.
 *
 * @throws Refusal 500 for brackets that do not enclose an IPv6 address, on which Polar's server fails.
 */
export function isWebAddress(uri: string): boolean {
  const [, authority = '', fragment = ''] =
    /^\s*[a-z][a-z\d+.-]*:\/\/([^/?#]*)[^#]*(?:#(.*))?$/is.exec(uri) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (/[[\]]/.test(authority) && parseURL(`http://${host}/`) === undefined) throw crashRefusal();
  return fragment === '' && !/^(:|$)/.test(host);
}
