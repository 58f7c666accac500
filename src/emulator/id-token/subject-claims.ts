import { splitScope } from '../scopes.js';
import type { TokenSubject } from '../stores/tokens.js';

/** What id_tokens and userinfo say about the subject of a token, given its scopes. */
export function subjectClaims(subject: TokenSubject, scope: string): Record<string, unknown> {
  const scopes = splitScope(scope);
  if (subject.type === 'organization') {
    const { id, slug } = subject.organization;
    return scopes.includes('openid') ? { sub: id, name: slug } : { sub: id };
  }
  const { id, email, emailVerified } = subject.user;
  return scopes.includes('email') ? { sub: id, email, email_verified: emailVerified } : { sub: id };
}
