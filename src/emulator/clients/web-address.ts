import { parseURL } from '../parse-url.js';

/**
 * True for a URL with a host, and without a user, whose name could pass for the host, or a fragment. The scheme is
 * looked at no closer: apps on phones have their own.
 */
export function isWebAddress(uri: string): boolean {
  const [, authority = '', fragment = ''] =
    /^\s*[a-z][a-z\d+.-]*:\/\/([^/?#]*)[^#]*(?:#(.*))?$/is.exec(uri) ?? [];
  if (fragment !== '' || /^(:|$)|@/.test(authority)) return false;
  return !/[[\]]/.test(authority) || parseURL(`http://${authority}/`) !== undefined;
}
