import { crashRefusal } from '../http/answers.js';
import { parseURL } from '../parse-url.js';

/**
 * True for a URL with a host and without a fragment. The scheme is looked at no closer: apps on phones have their own.
 *
 * @throws Refusal 500 for brackets that are not around an IPv6 address: Polar trips over them.
 */
export function isWebAddress(uri: string): boolean {
  const [, authority = '', fragment = ''] =
    /^\s*[a-z][a-z\d+.-]*:\/\/([^/?#]*)[^#]*(?:#(.*))?$/is.exec(uri) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  if (/[[\]]/.test(authority) && parseURL(`http://${host}/`) === undefined) throw crashRefusal();
  return fragment === '' && !/^(:|$)/.test(host);
}
