import { request } from 'node:http';
import type { PolarEmulator } from 'passport-polar-sh/emulator';
import type { WorkerProcess } from './worker-process.js';

/** The response of a worker. */
export interface Answered {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: {
    readonly accessToken?: string;
    readonly code?: string;
    readonly message?: string;
    readonly retryAfterSeconds?: number;
    readonly loginId?: string;
  };
}

/** A person with a session, at any worker. A small HTTP client, since a storm sends thousands of requests. */
export class Visitor {
  readonly #cookies = new Map<string, string>();

  get(worker: WorkerProcess, path: string): Promise<Answered> {
    return this.#send(worker, 'GET', path);
  }

  post(worker: WorkerProcess, path: string): Promise<Answered> {
    return this.#send(worker, 'POST', path);
  }

  /** Logs in at Polar and returns, in the existing session. */
  async logIn(
    worker: WorkerProcess,
    polar: PolarEmulator,
    user: string,
    path = '/auth/polar',
  ): Promise<void> {
    const { location } = await this.get(worker, path);
    const { status, body } = await this.get(worker, await polar.authorize(location, { user }));
    if (status !== 204) throw new Error(`A login failed: ${status} ${JSON.stringify(body)}`);
  }

  /** As {@link get} with `/token`. */
  token(worker: WorkerProcess): Promise<Answered> {
    return this.get(worker, '/token');
  }

  /** The same session in another tab, which does not see later logins of this one. */
  copy(): Visitor {
    const copy = new Visitor();
    for (const [name, value] of this.#cookies) copy.#cookies.set(name, value);
    return copy;
  }

  /** The key of the session in connect-redis. */
  get sessionKey(): string {
    const [, id] = /^s%3A([^.]+)\./.exec(this.#cookies.get('connect.sid') ?? '') ?? [];
    return `sess:${id}`;
  }

  #send(worker: WorkerProcess, method: string, path: string): Promise<Answered> {
    return worker.serve(() => this.#request(worker, method, path));
  }

  #request(worker: WorkerProcess, method: string, path: string): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: worker.port,
          agent: worker.agent,
          method,
          path,
          timeout: 180_000,
          headers: { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') },
        },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            for (const cookie of answer.headers['set-cookie'] ?? []) {
              const [name = '', value = ''] = cookie.split(';', 1)[0]?.split('=') ?? [];
              if (cookie.includes('Max-Age=0')) this.#cookies.delete(name);
              else this.#cookies.set(name, value);
            }
            const text = Buffer.concat(chunks).toString();
            const isJSON = answer.headers['content-type']?.includes('json');
            resolve({
              status: answer.statusCode ?? 0,
              location: answer.headers.location,
              body: isJSON ? JSON.parse(text) : {},
            });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`${method} ${path} was never answered`)));
      sent.on('error', reject);
      sent.end();
    });
  }
}
