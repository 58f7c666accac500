import { neededProgram } from '../support/needed-program.js';

/** Where Chromium is; undefined if tests with it are to be skipped. */
export const chromiumPath = neededProgram(
  ['chromium', 'chromium-browser', 'google-chrome'],
  'apt-get install chromium',
);

/** Arguments with which it runs anywhere, and calls nobody. */
export const chromiumArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
