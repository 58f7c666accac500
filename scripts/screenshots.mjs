// Takes the screenshots of the example app in docs/images/: npm run screenshots
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { readConfig } from '../example-app/config.ts';
import { startExampleApp } from '../example-app/start.ts';

const folder = join(import.meta.dirname, '../docs/images');
const maxBytes = 150_000;
const program = findProgram(['chromium', 'chromium-browser', 'google-chrome']);
if (program === undefined) throw new Error('No Chromium in PATH. Get it with: apt-get install chromium');

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: program,
  args: ['--no-sandbox', '--disable-gpu', '--disable-lcd-text'],
});
try {
  for (const theme of ['light', 'dark']) await takeAll(theme);
} finally {
  await browser.close();
}

async function takeAll(theme) {
  // With its own local Polar, which asks for consent each time.
  const app = await startExampleApp(readConfig({ PORT: '0' }), () => {});
  const page = await browser.newPage({
    colorScheme: theme,
    viewport: { width: 1200, height: 760 },
    locale: 'en-GB',
    timezoneId: 'UTC',
    bypassCSP: true, // for the font
  });
  await page.goto(app.url);
  await take(page, `logged-out-${theme}`);
  await page.getByRole('link', { name: 'Log in with Polar' }).click();
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('button', { name: 'Refresh now' }).click();
  await page.getByText('You have a new access token').waitFor();
  await take(page, `logged-in-${theme}`);
  await page.close();
  await app.close();
}

async function take(page, name) {
  const fonts = [
    ['Geist', '@fontsource-variable/geist/files/geist-latin-wght-normal.woff2'],
    ['Geist Mono', '@fontsource-variable/geist-mono/files/geist-mono-latin-wght-normal.woff2'],
  ].map(([family, file]) => {
    const data = readFileSync(createRequire(import.meta.url).resolve(file), 'base64');
    return `@font-face { font-family: '${family}'; font-weight: 100 900; src: url(data:font/woff2;base64,${data}) }`;
  });
  // The same font on every machine.
  await page.addStyleTag({
    content: `${fonts.join('\n')} body { font-family: Geist } code, .chips li { font-family: 'Geist Mono' }`,
  });
  await page.evaluate(settle);
  await page.evaluate(() => document.fonts.ready);
  const path = join(folder, `${name}.png`);
  const image = await page.screenshot({ animations: 'disabled' });
  if (image.length > maxBytes)
    throw new Error(`${name}.png has ${image.length} bytes; the limit is ${maxBytes}.`);
  writeFileSync(path, image);
  console.log(`docs/images/${name}.png  ${Math.round(image.length / 1000)} kB`);
}

/** Replaces what differs between two runs, so that only a change of the page changes its image. */
function settle() {
  const times = [...document.querySelectorAll('time[data-format=clock]')];
  const order = [...new Set(times.map((time) => time.dateTime))].sort();
  for (const time of times) {
    const second = order.indexOf(time.dateTime) * 4;
    time.textContent = `09:41:0${second % 10}`;
  }
  for (const time of document.querySelectorAll('time[data-format=date]'))
    time.textContent = time.textContent.replace(/^.* at .*$/, '2 June 2025 at 10:41');
  const countdown = document.getElementById('countdown');
  if (countdown)
    countdown.replaceWith(
      Object.assign(countdown.cloneNode(), { id: '', textContent: '59 minutes, 58 seconds' }),
    );
  const endings = [...document.querySelectorAll('.change code')].map((code) => code.textContent);
  for (const code of document.querySelectorAll('code'))
    if (endings.includes(code.textContent))
      code.textContent = ['…q3Vf', '…Zk8w'][endings.indexOf(code.textContent)];
  for (const duration of document.querySelectorAll('.duration')) duration.textContent = '24 ms';
  for (const server of document.querySelectorAll('.server strong, dd'))
    server.innerHTML = server.innerHTML.replace(/http:\/\/127\.0\.0\.1:\d+/, 'http://127.0.0.1:4100');
}

function findProgram(names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((each) => join(each, name))).find((path) => existsSync(path));
}
