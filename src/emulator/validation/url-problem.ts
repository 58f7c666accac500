import { parseURL } from '../parse-url.js';

const WEB_SCHEMES = new Set(['http', 'https', 'ws', 'wss', 'ftp']);

/** Why a text is no absolute URL, in the words of the parser that Polar's API framework uses. */
export function urlProblem(text: string): string {
  if (text === '') return 'input is empty';
  const [, scheme, rest = ''] = /^\s*([a-z][a-z\d+.-]*):(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) return 'relative URL without a base';
  const isWeb = WEB_SCHEMES.has(scheme.toLowerCase());
  const [authority = ''] = isWeb
    ? rest.replace(/^[/\\]+/, '').split(/[/\\?#]/, 1)
    : rest.slice(2).split(/[/?#]/, 1);
  const [, host = ''] = /^(\[[^\]]*\]?|[^:]*)/.exec(authority.slice(authority.lastIndexOf('@') + 1)) ?? [];
  if (host === '') return 'empty host';
  if (parseURL(`${isWeb ? 'http' : 'x'}://${host}/`) !== undefined) return 'invalid port number';
  if (host.startsWith('[')) return 'invalid IPv6 address';
  if (!isWeb) return 'invalid domain character';
  const endsInNumber = /(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(host);
  return endsInNumber ? 'invalid IPv4 address' : 'invalid international domain name';
}
