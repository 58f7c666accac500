/** One process of an app with several, controlled over its IPC channel. */
import { subscribe } from 'node:diagnostics_channel';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Gate } from './gate.js';
import { buildWorkerApp } from './worker-app.js';
import type { WorkerAnswer, WorkerConfig, WorkerNews, WorkerTask, WorkerTasks } from './worker-config.js';

const config = JSON.parse(process.env['STORM_WORKER'] ?? '') as WorkerConfig;
const send = (message: WorkerNews | WorkerAnswer): void => void process.send?.(message);

let { skippedMs } = config;
const gate = new Gate();

for (const channel of ['login', 'refresh', 'logout', 'request']) {
  subscribe(`passport-polar-sh:${channel}`, (message) => {
    const { event, loginId } = message as { event: string; loginId?: string };
    send({ news: 'diagnostic', event: `${channel}:${event}`, loginId });
  });
}

async function start(): Promise<void> {
  const { app, polar, takeCounts } = await buildWorkerApp({
    config,
    gate,
    now: () => Date.now() + skippedMs,
    report: (moment, of) => send({ news: 'moment', moment, of }),
  });
  const tasks: WorkerTasks = {
    setClock(ms) {
      skippedMs = ms;
    },
    hold: () => gate.close(),
    held: () => gate.held,
    open: () => gate.open(),
    takeCounts,
  };
  process.on('message', ({ id, task, argument }: WorkerTask) => {
    send({ answerTo: id, result: tasks[task](argument as never) });
  });
  const server = createServer((req, res) => {
    // Before all other listeners: whatever they do is work after the response.
    if (config.freezes !== undefined) res.once('finish', () => void freeze(config.freezes?.settledWithinMs));
    app(req, res);
  });
  const freeze = async (withinMs?: number): Promise<void> => {
    if (withinMs !== undefined) await polar.settled({ withinMs });
    process.kill(process.pid, 'SIGSTOP');
  };
  // A storm may pause, and a connection that closes just when it is used again would look like a crash.
  server.keepAliveTimeout = 120_000;
  // All requests of a storm connect at once.
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2048 }, () =>
    send({ news: 'listening', port: (server.address() as AddressInfo).port }),
  );
  // As in the README.
  process.once('SIGTERM', () => {
    server.close(async () => {
      const left = await polar.settled({ withinMs: 10_000 });
      process.send?.({ news: 'settled', ...left } satisfies WorkerNews, () => process.exit());
    });
    // Connections that a response under way still needs are idle a moment later.
    setInterval(() => server.closeIdleConnections(), 100).unref();
  });
}

// The test process is gone, so nobody else can stop this one.
process.on('disconnect', () => process.exit());
void start();
