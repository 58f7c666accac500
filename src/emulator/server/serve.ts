import type { IncomingMessage, ServerResponse } from 'node:http';
import { detailAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, Refusal } from '../http/message.js';
import { readRequest } from '../http/read-request.js';
import { send, substituteAnswer } from '../http/send.js';
import { AT_ONCE } from '../realistic/transaction.js';
import type { EmulatorState } from '../state.js';
import { handle } from './handle.js';
import { endpointOf } from './routes.js';

/** Serves one request: reads it, logs it, applies a planned fault, responds. Never rejects. */
export async function serve(
  message: IncomingMessage,
  response: ServerResponse,
  state: EmulatorState,
): Promise<void> {
  response.on('error', () => response.destroy());
  try {
    await serveRequest(await readRequest(message), response, state);
  } catch (error) {
    // The body was too large, or the client went away in the middle of it.
    if (error instanceof Refusal) send(response, state.apiVersions.echo(error.answer, message.headers));
    else response.destroy();
  }
}

async function serveRequest(
  request: EmulatorRequest,
  response: ServerResponse,
  state: EmulatorState,
): Promise<void> {
  const endpoint = endpointOf(request.path);
  const fault = state.faults.take(endpoint);
  const entry = state.log.add(request, endpoint, fault, state.clock.now());
  if (fault === 'hang') return;
  if (fault === 'reset-before') return void response.socket?.resetAndDestroy();
  const substitute = fault === undefined ? undefined : substituteAnswer(fault);
  const transaction = substitute === undefined ? await state.backend.accept() : AT_ONCE;
  const answered = substitute ?? (await answerOf(request, { ...state, transaction }));
  const answer = state.apiVersions.echo(answered, request.headers);
  await transaction.respond();
  if (fault === 'hang-after') return;
  if (fault === 'reset-after') return void response.socket?.resetAndDestroy();
  entry.status = answer.status;
  send(response, answer, fault);
}

async function answerOf(request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  try {
    return await handle(request, state);
  } catch (error) {
    // A mistake in the emulator: it shows up in the test that ran into it, and the emulator lives on.
    return detailAnswer(500, `The Polar emulator failed: ${String(error)}`);
  }
}
