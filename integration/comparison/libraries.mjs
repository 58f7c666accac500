import { readFileSync } from 'node:fs';

/**
 * @typedef {object} Library
 * @property {string} name the column's title
 * @property {string} file of apps/
 * @property {readonly string[]} packages whose versions are told
 * @property {string} callbackPath
 * @property {boolean} [needsHTTPS] as its issuer is https, it calls nothing else
 * @property {{ path: string, init?: (origin: string) => RequestInit, addressIn?: (page: import('./lib/browser.mjs').Page) => string }} start
 * @property {{ path: string, method: string }} logout
 */

const usual = {
  callbackPath: '/auth/polar/callback',
  start: { path: '/auth/polar' },
  logout: { path: '/logout', method: 'POST' },
};

/** @type {readonly Library[]} */
export const libraries = [
  { ...usual, name: 'passport-polar-sh', file: 'passport-polar-sh.mjs', packages: ['passport-polar-sh'] },
  {
    ...usual,
    name: 'passport-oauth2',
    file: 'passport-oauth2.mjs',
    packages: ['passport-oauth2', 'passport-oauth2-refresh'],
  },
  { ...usual, name: 'openid-client', file: 'openid-client.mjs', packages: ['openid-client'] },
  {
    ...usual,
    name: 'express-openid-connect',
    file: 'express-openid-connect.mjs',
    packages: ['express-openid-connect'],
    logout: { path: '/logout', method: 'GET' },
    needsHTTPS: true,
  },
  {
    name: 'better-auth',
    file: 'better-auth.mjs',
    packages: ['better-auth'],
    callbackPath: '/api/auth/callback/polar',
    start: {
      path: '/api/auth/sign-in/social',
      init: () => ({
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ provider: 'polar', callbackURL: '/me' }),
      }),
      addressIn: ({ text }) => JSON.parse(text).url,
    },
    logout: { path: '/api/auth/sign-out', method: 'POST' },
  },
  { ...usual, name: 'hand-written', file: 'hand-written.mjs', packages: [] },
];

/** The code of an app without comments and empty lines. */
export function linesOfCode({ file }) {
  const code = readFileSync(new URL(`apps/${file}`, import.meta.url), 'utf8');
  return code.split('\n').filter((line) => line.trim() !== '' && !/^\s*(\/\/|\/\*\*)/.test(line)).length;
}

export function versionOf(name) {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(manifest, 'utf8')).version;
}
