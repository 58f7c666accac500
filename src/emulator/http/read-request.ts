import type { IncomingMessage } from 'node:http';
import { earlyAnswer } from './answers.js';
import { type EmulatorRequest, Refusal } from './message.js';
import { readForm } from './read-form.js';

/** More than any request Polar's clients make; the rest is refused, so that no test can fill the memory. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Reads a request to its end.
 *
 * @throws Refusal with 413 when the body is larger than 1 MiB.
 */
export async function readRequest(message: IncomingMessage): Promise<EmulatorRequest> {
  const target = message.url ?? '/';
  const questionMark = target.indexOf('?');
  const queryString = questionMark < 0 ? '' : target.slice(questionMark + 1);
  const body = await readBody(message);
  const contentType = message.headers['content-type'];
  return {
    method: message.method ?? 'GET',
    path: questionMark < 0 ? target : target.slice(0, questionMark),
    // URLSearchParams never throws: broken percent-encoding becomes replacement characters.
    query: new URLSearchParams(queryString),
    queryString,
    headers: message.headers,
    // Polar believes its proxy's header, and nobody else's.
    clientAddress: trueClientIP(message) ?? message.socket.remoteAddress ?? '',
    body,
    form: readForm(mediaType(contentType), contentType ?? '', body),
  };
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new Refusal(earlyAnswer(413, 'Request Entity Too Large', { connection: 'close' }));
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The media type of a content-type header, without its parameters. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1).join('').trim().toLowerCase();
}

function trueClientIP({ headers }: IncomingMessage): string | undefined {
  const header = headers['true-client-ip'];
  return typeof header === 'string' ? header : undefined;
}
