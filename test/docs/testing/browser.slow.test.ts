import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from '@jest/globals';
import { startPolarEmulator } from 'passport-polar-sh/emulator';
import { chromium } from 'playwright-core';
import { neededProgram } from '../../support/needed-program.js';
import { createApp } from './app';

const executablePath = neededProgram(
  ['chromium', 'chromium-browser', 'google-chrome'],
  'apt-get install chromium',
);
const installed = { executablePath: executablePath ?? '', args: ['--no-sandbox', '--disable-gpu'] };
const testWithBrowser = executablePath === undefined ? test.skip : test;

testWithBrowser('people log in with Polar, in a browser', async () => {
  const polar = await startPolarEmulator();
  const server = createServer().listen(0);
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  server.on('request', createApp(polar.strategyOptions(`${url}/auth/polar/callback`)));
  const chrome = await chromium.launch(installed);

  const page = await chrome.newPage();
  await page.goto(url);
  await page.getByRole('link', { name: 'Log in with Polar' }).click();
  await page.getByRole('button', { name: 'Allow' }).click(); // the consent page of the local Polar
  await page.waitForURL(`${url}/me`);
  expect(await page.content()).toContain('ada@example.com');

  await chrome.close();
  server.close();
  await polar.close();
});
