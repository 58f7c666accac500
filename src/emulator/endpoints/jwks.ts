import { jsonAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';

/** `GET /.well-known/jwks.json`. */
export async function jwks(_request: EmulatorRequest, state: EmulatorState): Promise<Answer> {
  return jsonAnswer(200, { keys: await state.keys.published() });
}
