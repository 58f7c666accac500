/** The shutdown of docs/rolling-deploys.md. test/storms/rolling-restart.slow.test.ts has it under load. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, jest } from '@jest/globals';
import express from 'express';
import type { PolarStrategy } from 'passport-polar-sh';
import { serve } from './serve.js';

it('on SIGTERM serves on until the balancer has noticed, finishes its requests, and then exits', async () => {
  const steps: string[] = [];
  const exited = new Promise<void>((resolve) => {
    jest.spyOn(process, 'exit').mockImplementation((() => {
      steps.push('exit');
      resolve();
    }) as never);
  });
  const settled = async () => {
    steps.push('settled');
    return { exchanges: 0, writes: 0 };
  };
  const app = express();
  app.get('/slow', async (req, res) => {
    await delay(Number(req.query['ms']));
    steps.push('response');
    res.sendStatus(204);
  });
  const server = serve(app, { settled } as unknown as PolarStrategy, 0);
  await once(server, 'listening');
  const statusOf = async (path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)).status;
  expect(await statusOf('/health')).toBe(200);
  const { port } = server.address() as AddressInfo;
  const { headers } = await fetch(`http://127.0.0.1:${port}/health`);
  expect(headers.get('keep-alive')).toBe('timeout=95');

  process.emit('SIGTERM');
  expect(await statusOf('/health')).toBe(503);
  expect(await statusOf('/slow?ms=0')).toBe(204);
  // Begins before the balancer has noticed, and ends later.
  expect(await statusOf('/slow?ms=12000')).toBe(204);
  await exited;
  expect(steps).toEqual(['response', 'response', 'settled', 'exit']);
  await expect(statusOf('/health')).rejects.toThrow();
}, 60_000);
