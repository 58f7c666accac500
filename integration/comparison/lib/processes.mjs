import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/**
 * Starts a program, and resolves when something listens at an address. It ends with this process.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {{ address: URL, env?: Record<string, string | undefined> }} options
 */
export async function startServer(program, args, { address, env }) {
  const child = spawn(program, args, { env: env ?? process.env });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const ended = new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      said += `${error.message}\n`;
      resolve(error);
    });
  });
  ended.then(() => running.delete(child));
  const server = {
    said: () => said,
    async stop() {
      child.kill();
      await ended;
    },
  };
  for (let tries = 0; running.has(child) && tries < 600; tries++) {
    if (await accepts(address)) return server;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await server.stop();
  throw new Error(`${program} ${args[0]} did not start\n${said}`);
}

async function accepts({ hostname, port }) {
  const socket = connect({ host: hostname, port: Number(port) });
  const isUp = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isUp;
}

/** Below the ports that systems give to those who ask for any, and never the same twice. */
let lastPort = 20_000 + (process.pid % 10_000);

/** @returns {Promise<number>} */
export async function freePort() {
  for (;;) {
    lastPort += 1;
    const server = createServer();
    const isFree = new Promise((resolve) => {
      server.once('error', () => resolve(false)).listen(lastPort, 'localhost', () => resolve(true));
    });
    const port = lastPort;
    if (!(await isFree)) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** A redis-server of our own, which keeps nothing. Install it with: apt-get install redis-server (or brew install redis) */
export async function startRedis() {
  const address = new URL(`redis://127.0.0.1:${await freePort()}`);
  const args = ['--bind', '127.0.0.1', '--port', address.port, '--save', '', '--appendonly', 'no'];
  const server = await startServer('redis-server', args, { address });
  return { url: address.href, stop: server.stop };
}
