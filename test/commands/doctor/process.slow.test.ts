/** The command doctor as a process of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PolarEmulator, startPolarEmulator } from 'passport-polar-sh/emulator';
import { runCLI } from '../../support/run-cli';
import type { Row } from './support/run-doctor';

let emulator: PolarEmulator;
let folder: string;
let blackHole: Server;
const swallowed: Socket[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'passport-polar-sh-doctor-'));
  emulator = await startPolarEmulator();
  blackHole = createServer((socket) => void swallowed.push(socket)).listen(0, '127.0.0.1');
  await new Promise((resolve) => blackHole.once('listening', resolve));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  for (const socket of swallowed) socket.destroy();
  blackHole.close();
  await emulator.close();
});

const storeModule = (code: string) => {
  const file = join(folder, 'store.cjs');
  writeFileSync(
    file,
    `const session = require(${JSON.stringify(require.resolve('express-session'))});\n${code}`,
  );
  return file;
};

describe('the process of passport-polar-sh doctor', () => {
  it('prints JSON and nothing else, whatever the module of the store prints', async () => {
    const { clientID, clientSecret = '' } = emulator.registerClient({
      redirectURIs: ['http://localhost:3000/auth/polar/callback'],
    });
    const env = {
      POLAR_SERVER: emulator.url,
      POLAR_CLIENT_ID: clientID,
      POLAR_CLIENT_SECRET: clientSecret,
      SESSION_SECRET: 'a-session-secret-of-more-than-32-letters',
    };
    const file = storeModule('console.log("noise"); module.exports = new session.MemoryStore();');
    const { code, error, out } = await runCLI(['doctor', '--json', '--session-store', file], env);
    const report = JSON.parse(out) as { result: string; checks: Row[] };
    expect({ code, error, result: report.result }).toEqual({ code: 0, error: '', result: 'ok' });
    expect(report.checks.find(({ check }) => check === 'session-store')).toMatchObject({ result: 'ok' });
  });

  it('ends although neither Polar nor the databases ever respond, and the store blocks', async () => {
    const port = (blackHole.address() as AddressInfo).port;
    const env = {
      POLAR_SERVER: `http://127.0.0.1:${port}`,
      POLAR_CLIENT_ID: 'polar_ci_1',
      REDIS_URL: `redis://127.0.0.1:${port}`,
      DATABASE_URL: `postgres://127.0.0.1:${port}/app`,
    };
    const { code, out } = await runCLI(
      ['doctor', '--json', '--session-store', storeModule('for (;;);')],
      env,
    );
    const { checks } = JSON.parse(out) as { checks: Row[] };
    const failed = checks.filter(({ result }) => result === 'failed').map(({ check }) => check);
    expect({ code, failed }).toEqual({ code: 1, failed: ['polar', 'session-store', 'redis', 'postgres'] });
  });

  it('lets the C library ask a name server that is down for a few seconds only', async () => {
    const found = join(folder, 'name-servers');
    const store = storeModule(
      `require('node:fs').writeFileSync(${JSON.stringify(found)}, String(process.env.RES_OPTIONS));`,
    );
    const resolving = async (env: Readonly<Record<string, string>>): Promise<string> => {
      await runCLI(['doctor', '--session-store', store], { POLAR_SERVER: emulator.issuer, ...env });
      return readFileSync(found, 'utf8');
    };
    expect(await resolving({})).toBe('timeout:2 attempts:2');
    expect(await resolving({ RES_OPTIONS: 'timeout:1' })).toBe('timeout:1');
  });

  it('exits with 2 for invalid arguments', async () => {
    const { code, error, out } = await runCLI(['doctor', '--fix'], {});
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toBe("passport-polar-sh doctor: Unknown option '--fix'. Try --help.\n");
  });

  it('keeps the command of its parts to itself', async () => {
    const { code, out } = await runCLI(['doctor-probe', 'redis'], {});
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect((await runCLI(['--help'], {})).out).not.toContain('doctor-probe');
  });
});
