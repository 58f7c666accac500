import {
  Agent,
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** How often it checks the health of each process; one failure takes a process out of rotation. */
export const checkEveryMs = 200;

interface Upstream {
  readonly url: string;
  isHealthy: boolean;
}

/** A balancer in front of the processes of an app: round robin, keep-alive, health checks, and no second try. */
export class Balancer {
  readonly url: string;
  /** What went wrong between it and the processes. */
  readonly errors: string[] = [];
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #checks: NodeJS.Timeout;
  readonly #upstreams: Upstream[] = [];
  #turn = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (req, res) => this.#pass(req, res));
    this.#checks = setInterval(() => this.#upstreams.forEach((each) => void check(each)), checkEveryMs);
  }

  static async start(): Promise<Balancer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Balancer(server);
  }

  /** Adds a process; resolves once it is in rotation. */
  async add(url: string): Promise<void> {
    const upstream = { url, isHealthy: false };
    while (!upstream.isHealthy) await check(upstream);
    this.#upstreams.push(upstream);
  }

  remove(url: string): void {
    this.#upstreams.splice(
      this.#upstreams.findIndex((each) => each.url === url),
      1,
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#checks);
    this.#agent.destroy();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #pass(req: IncomingMessage, res: ServerResponse): void {
    const healthy = this.#upstreams.filter(({ isHealthy }) => isHealthy);
    const upstream = healthy[this.#turn++ % healthy.length];
    const failed = (what: string): void => {
      this.errors.push(`${req.method} ${req.url}: ${what}`);
      res.writeHead(502).end();
    };
    if (upstream === undefined) {
      failed('no healthy process');
      return;
    }
    const { method, headers, url } = req;
    const passed = request(`${upstream.url}${url}`, { method, headers, agent: this.#agent }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(res);
    });
    passed.on('error', ({ message }) => failed(message));
    req.pipe(passed);
  }
}

async function check(upstream: Upstream): Promise<void> {
  const isOK = fetch(`${upstream.url}/health`, { signal: AbortSignal.timeout(2000) }).then(({ ok }) => ok);
  upstream.isHealthy = await isOK.catch(() => false);
}
