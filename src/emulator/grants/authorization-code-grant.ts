import { createHash } from 'node:crypto';
import type { AuthenticatedClient } from '../clients/client-authentication.js';
import { crashRefusal, oauthRefusal } from '../http/answers.js';
import { type Answer, type EmulatorRequest, firstParameter } from '../http/message.js';
import { formValue, refuseNonASCII } from '../http/server-crashes.js';
import { signIdToken } from '../id-token/id-token.js';
import { subjectClaims } from '../id-token/subject-claims.js';
import { splitScope } from '../scopes.js';
import type { EmulatorState } from '../state.js';
import { CHALLENGE, type CodeRecord } from '../stores/codes.js';
import { issueToken, tokenAnswer } from './token-answer.js';

/**
 * `grant_type=authorization_code`. Only a successful exchange consumes the code, and trying it again afterwards
 * revokes nothing.
 */
export async function authorizationCodeGrant(
  request: EmulatorRequest,
  state: EmulatorState,
  authenticated: AuthenticatedClient,
): Promise<Answer> {
  const { client } = authenticated;
  const record = validCode(request, state, authenticated);
  verifyCodeVerifier(record, formValue(request, 'code_verifier'), authenticated);
  await state.codes.delete(record, state.transaction);
  const token = issueToken(state, client, {
    subject: { type: 'user', user: record.user },
    scope: record.scope,
    organizationIDs: record.organizationIDs,
    expiresIn: state.settings.loginAccessTokenSeconds,
    withRefreshToken: client.metadata.grant_types.includes('refresh_token'),
  });
  if (!splitScope(token.scope).includes('openid')) return tokenAnswer(token);
  const claims = {
    issuer: state.settings.issuer,
    clientID: client.clientID,
    issuedAt: token.issuedAt,
    authTime: record.authTime,
    nonce: record.nonce,
    accessToken: token.accessToken,
    subject: subjectClaims(token.subject, token.scope),
  };
  return tokenAnswer(token, signIdToken(claims, await state.keys.privateKey()));
}

function validCode(
  request: EmulatorRequest,
  state: EmulatorState,
  { client }: AuthenticatedClient,
): CodeRecord {
  const code = formValue(request, 'code');
  if (code === undefined) throw oauthRefusal('invalid_request', "Missing 'code' in request.");
  refuseNonASCII(code);
  const record = state.codes.find(code, client.clientID);
  if (record === undefined) throw oauthRefusal('invalid_grant', "Invalid 'code' in request.");
  if (record.redirectURI && firstParameter(request, 'redirect_uri') !== record.redirectURI) {
    throw oauthRefusal('invalid_grant', "Invalid 'redirect_uri' in request.");
  }
  return record;
}

const MISSING_VERIFIER = "Missing 'code_verifier'";
const UNEXPECTED_VERIFIER =
  "The authorization request had no 'code_challenge', but a 'code_verifier' was provided.";

/** PKCE (RFC 7636 section 4.6), which public clients cannot do without. */
function verifyCodeVerifier(
  { codeChallenge, codeChallengeMethod }: CodeRecord,
  verifier: string | undefined,
  { method }: AuthenticatedClient,
): void {
  if (method === 'none' && !verifier) throw oauthRefusal('invalid_request', MISSING_VERIFIER);
  if (!codeChallenge && !verifier) return;
  if (!codeChallenge) throw oauthRefusal('invalid_request', UNEXPECTED_VERIFIER);
  if (!verifier) throw oauthRefusal('invalid_request', MISSING_VERIFIER);
  if (!CHALLENGE.test(verifier)) throw oauthRefusal('invalid_request', "Invalid 'code_verifier'");
  // Polar knows no method without a name, and does not expect one.
  if (codeChallengeMethod === '') throw crashRefusal();
  const derived =
    codeChallengeMethod === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier;
  if (derived !== codeChallenge) throw oauthRefusal('invalid_grant', 'Code challenge failed.');
}
