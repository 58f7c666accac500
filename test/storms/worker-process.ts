import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { within } from '../../src/async/within.js';
import type { WorkerAnswer, WorkerConfig, WorkerNews, WorkerTasks } from './worker-config.js';
import { workerScript } from './worker-script.js';

const run = promisify(execFile);
const startWithinMs = 30_000;
const answerWithinMs = 10_000;

/** A worker process, as the test sees it. */
export class WorkerProcess {
  readonly agent = new Agent({ keepAlive: true });
  /** All its news, in order. */
  readonly news: WorkerNews[] = [];
  /** Called for each piece of news. */
  onNews: (news: WorkerNews) => void = () => {};
  readonly #child: ChildProcess;
  readonly #freezes: boolean;
  #serving: Promise<unknown> = Promise.resolve();
  readonly #exited: Promise<unknown>;
  readonly #questions = new Map<number, (result: unknown) => void>();
  #output = '';
  #lastQuestion = 0;
  #port = 0;

  private constructor(script: string, config: WorkerConfig) {
    this.#freezes = config.freezes !== undefined;
    this.#child = spawn(process.execPath, ['-'], {
      env: { PATH: process.env['PATH'], STORM_WORKER: JSON.stringify(config) },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    this.#child.stdin?.on('error', () => {}); // 'close' tells, too
    this.#child.stdin?.end(script);
    // 'close' comes after the last message.
    this.#exited = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output += String(chunk);
      });
    }
    this.#child.on('message', (message) => this.#hear(message as WorkerNews | WorkerAnswer));
  }

  /** Starts a worker; resolves when it listens. */
  static async start(config: WorkerConfig): Promise<WorkerProcess> {
    const worker = new WorkerProcess(await workerScript(), config);
    const listening = new Promise<void>((resolve) => {
      worker.onNews = ({ news }) => news === 'listening' && resolve();
    });
    const ended = worker.#exited.then(() => {
      throw new Error(`A worker ended:\n${worker.#output}`);
    });
    ended.catch(() => {});
    try {
      await within(Promise.race([listening, ended]), startWithinMs, 'Starting a worker');
      return worker;
    } catch (error) {
      await worker.kill();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  /** What it has written to its terminal, which is nothing unless something is wrong. */
  get output(): string {
    return this.#output;
  }

  /** True until it is killed. */
  get isAlive(): boolean {
    return this.#child.exitCode === null && !this.#child.killed;
  }

  ask<Name extends keyof WorkerTasks>(
    task: Name,
    ...[argument]: Parameters<WorkerTasks[Name]>
  ): Promise<ReturnType<WorkerTasks[Name]>> {
    const id = ++this.#lastQuestion;
    const answered = new Promise<unknown>((resolve) => this.#questions.set(id, resolve));
    this.#child.send({ id, task, argument }, () => {}); // one that was killed answers late, below
    return within(answered, answerWithinMs, `${task} in a worker`) as never;
  }

  /** SIGKILL, as in a power failure. Resolves when all of its earlier messages have arrived. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    this.agent.destroy();
  }

  /** SIGSTOP: it stops as when its machine is suspended, and its connections stay open. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  /** Continues after {@link pause}. */
  resume(): void {
    this.#signal('SIGCONT');
  }

  /** Sends it a request. One that freezes gets one request at a time, and runs until it has responded. */
  async serve<T>(send: () => Promise<T>): Promise<T> {
    if (!this.#freezes) return send();
    const serving = this.#serving.then(async () => {
      this.resume();
      const answer = await send();
      while (!(await this.#isStopped())) await delay(5);
      return answer;
    });
    this.#serving = serving.catch(() => {});
    return serving;
  }

  async #isStopped(): Promise<boolean> {
    const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(this.#child.pid)]);
    return stdout.startsWith('T');
  }

  /** SIGTERM. Resolves with what was still under way at its end. */
  async terminate(): Promise<{ exchanges: number; writes: number } | undefined> {
    this.#signal('SIGTERM');
    await this.#exited;
    this.agent.destroy();
    return this.news.find((piece) => piece.news === 'settled');
  }

  #signal(signal: NodeJS.Signals): void {
    // Not child.kill(), after which the child counts as killed.
    process.kill(this.#child.pid as number, signal);
  }

  #hear(message: WorkerNews | WorkerAnswer): void {
    if ('answerTo' in message) {
      this.#questions.get(message.answerTo)?.(message.result);
      this.#questions.delete(message.answerTo);
      return;
    }
    if (message.news === 'listening') this.#port = message.port;
    this.news.push(message);
    this.onNews(message);
  }
}
