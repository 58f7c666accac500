import { requireScope } from '../bearer.js';
import { jsonAnswer } from '../http/answers.js';
import type { Answer, EmulatorRequest } from '../http/message.js';
import type { EmulatorState } from '../state.js';

/** `GET /v1/users/me`: the user behind the token, for tokens with `user:read`. */
export function usersMe(request: EmulatorRequest, state: EmulatorState): Answer {
  const { subject } = requireScope(request, state, ['user:write', 'user:read']);
  if (subject.type === 'organization')
    return jsonAnswer(404, { error: 'ResourceNotFound', detail: 'Not found' });
  const { id, email, emailVerified, name } = subject.user;
  return jsonAnswer(200, {
    created_at: '2026-01-01T00:00:00Z',
    modified_at: null,
    id,
    email,
    email_verified: emailVerified,
    public_name: name,
    avatar_url: null,
    account_id: null,
    oauth_accounts: [],
  });
}
