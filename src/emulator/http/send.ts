import type { ServerResponse } from 'node:http';
import type { PolarEmulatorFault, PolarEmulatorStatusFault } from '../faults.js';
import type { Answer } from './message.js';

const HUGE_BODY_BYTES = 10 * 1024 * 1024;
const RETRY_AFTER_SECONDS = 60;

/** The response with which a fault replaces Polar's; `undefined` if Polar's own is sent. */
export function substituteAnswer(fault: PolarEmulatorFault): Answer | undefined {
  if (typeof fault === 'object') return 'status' in fault ? statusAnswer(fault) : undefined;
  const json = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  switch (fault) {
    case 'garbage':
      return { status: 200, headers: json, body: '{"access_token":"polar_at_u_\u0000 \ufffd' };
    case 'html':
      return {
        status: 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: '<!doctype html><title>Welcome to the Wi-Fi</title><p>Please sign in.',
      };
    case 'huge-body':
      return { status: 200, headers: json, body: JSON.stringify({ filler: 'x'.repeat(HUGE_BODY_BYTES) }) };
    default:
      return undefined;
  }
}

function statusAnswer({ status, retryAfterSeconds, body, headers }: PolarEmulatorStatusFault): Answer {
  const wait = retryAfterSeconds ?? (status === 429 || status === 503 ? RETRY_AFTER_SECONDS : undefined);
  const isText = body === undefined || typeof body === 'string';
  return {
    status,
    headers: {
      ...(wait === undefined ? {} : { 'retry-after': String(wait) }),
      ...(isText ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    body: isText ? (body ?? '') : JSON.stringify(body),
  };
}

/** Sends a response, in the way that a fault requires. */
export function send(response: ServerResponse, answer: Answer, fault?: PolarEmulatorFault): void {
  if (response.destroyed) return;
  if (typeof fault === 'object' && 'delayMs' in fault) {
    const timer = setTimeout(() => send(response, answer), fault.delayMs);
    response.on('close', () => clearTimeout(timer));
    return;
  }
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    ...answer.headers,
    // RFC 9110 section 8.6: not with 204.
    ...(answer.status === 204 ? {} : { 'content-length': body.length }),
  } as Record<string, string | string[] | number>);
  if (fault === 'half-body') {
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy());
  } else if (typeof fault === 'object' && 'slowBodyMs' in fault) {
    trickle(response, body, fault.slowBodyMs);
  } else {
    response.end(body);
  }
}

const TRICKLE_STEPS = 20;

function trickle(response: ServerResponse, body: Buffer, durationMs: number): void {
  const size = Math.max(1, Math.ceil(body.length / TRICKLE_STEPS));
  let sent = 0;
  response.flushHeaders();
  const timer = setInterval(() => {
    response.write(body.subarray(sent, sent + size));
    sent += size;
    if (sent < body.length) return;
    clearInterval(timer);
    response.end();
  }, durationMs / TRICKLE_STEPS);
  response.on('close', () => clearInterval(timer));
}
