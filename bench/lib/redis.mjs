// A redis-server of our own: nothing is kept, and no other Redis on this machine is touched.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient } from 'redis';
import { startProgram } from './processes.mjs';

/** @returns {Promise<{ url: string, stop: () => Promise<void> } | undefined>} undefined where there is no redis-server */
export async function startRedis() {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-bench-'));
  const options = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no' };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = startProgram('redis-server', args);
  const ended = new Promise((resolve) => server.once('close', resolve));
  const isThere = new Promise((resolve) => {
    server.once('spawn', () => resolve(true));
    server.once('error', () => resolve(false));
  });
  const clean = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clean);
  if (!(await isThere)) return undefined;
  const url = `redis://127.0.0.1:${port}`;
  await untilReady(url);
  return {
    url,
    async stop() {
      server.kill();
      await ended;
      clean();
    },
  };
}

/** @param {string} url */
async function untilReady(url) {
  for (let tries = 1; ; tries += 1) {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    try {
      await client.connect();
      client.destroy();
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await delay(50);
    }
  }
}

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
      probe.close(() => resolve(port));
    });
  });
}
