/** A real HTTP server on a port of its own that answers as badly as it is told to, and remembers what it was asked. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body, read as a form. */
  readonly form: Readonly<Record<string, string>>;
}

/** How to answer one request. */
export type Behaviour = (res: ServerResponse, request: ReceivedRequest) => void;

/** The server. */
export interface MisbehavingServer {
  /** Its origin. */
  readonly url: string;
  /** Every request that arrived, oldest first. */
  readonly requests: readonly ReceivedRequest[];
  /** Changes how it answers from now on; of several behaviours each answers once, the last one for ever. */
  behave(...behaviours: Behaviour[]): void;
  close(): Promise<void>;
}

/** Starts a server; of several behaviours each answers one request, the last one all that follow. */
export async function startMisbehavingServer(...behaviours: Behaviour[]): Promise<MisbehavingServer> {
  let queue = behaviours;
  const requests: ReceivedRequest[] = [];
  const server = createServer((req, res) => {
    void receive(req).then((request) => {
      requests.push(request);
      const behaviour = (queue.length > 1 ? queue.shift() : queue[0]) ?? answersJSON({});
      behaviour(res, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    behave: (...next) => {
      queue = next;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function receive(req: IncomingMessage): Promise<ReceivedRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  return {
    method: req.method ?? '',
    url: req.url ?? '',
    headers: req.headers,
    body,
    form: Object.fromEntries(new URLSearchParams(body)),
  };
}

/** Answers well. */
export function answersJSON(body: unknown, status = 200, headers: Record<string, string> = {}): Behaviour {
  return answersText(JSON.stringify(body), status, { 'content-type': 'application/json', ...headers });
}

/** Answers with any text, of any type. */
export function answersText(text: string, status = 200, headers: Record<string, string> = {}): Behaviour {
  return (res) => void res.writeHead(status, headers).end(text);
}

/** Takes the request and never says a word. */
export const neverAnswers: Behaviour = () => {};

/** Sends headers and half a JSON document, and then nothing. */
export const stopsInTheMiddle: Behaviour = (res) => {
  res.writeHead(200, { 'content-type': 'application/json' }).write('{"half":');
};

/** Sends a chunk every few milliseconds, for ever. */
export function drips(everyMs: number, chunk = ' '): Behaviour {
  return (res) => {
    res.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => res.write(chunk), everyMs);
    res.on('close', () => clearInterval(timer));
  };
}

/** Sends chunks as fast as they are taken, for ever; `sent` tells how many bytes it got rid of. */
export function endless(status = 200): Behaviour & { sent: () => number; closed: Promise<void> } {
  let sent = 0;
  let markClosed = (): void => {};
  const closed = new Promise<void>((resolve) => {
    markClosed = resolve;
  });
  const behaviour: Behaviour = (res) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    const chunk = Buffer.alloc(16 * 1024, ' ');
    res.on('close', markClosed);
    const pump = (): void => {
      while (!res.destroyed) {
        sent += chunk.length;
        if (!res.write(chunk)) {
          res.once('drain', pump);
          return;
        }
      }
    };
    pump();
  };
  return Object.assign(behaviour, { sent: () => sent, closed });
}

/** Sends the client elsewhere. */
export function redirects(location: string, status = 302): Behaviour {
  return (res) => void res.writeHead(status, { location }).end();
}

/** Breaks the connection before a single byte. */
export const resets: Behaviour = (res) => {
  res.socket?.resetAndDestroy();
};

/** Breaks the connection in the middle of the body. */
export const resetsInTheMiddle: Behaviour = (res) => {
  res
    .writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
    .write('{"half":', () => {
      res.socket?.resetAndDestroy();
    });
};
