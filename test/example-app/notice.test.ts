import { expect, it } from '@jest/globals';
import { noticeWords } from '../../example-app/pages/notice.js';

const loggedOut = { kind: 'logged-out', loginId: 'one' } as const;

it.each([
  [[{ event: 'revocation', at: 0 }], /the tokens were revoked at Polar/],
  [[{ event: 'revocation', at: 0, errorCode: 'timeout' }], /could not be revoked at Polar yet/],
  [
    [
      { event: 'revocation', at: 0, errorCode: 'timeout' },
      { event: 'revocation', at: 1 },
    ],
    /the tokens were revoked at Polar/,
  ],
  [[], /no longer has your tokens/],
])('says after a log-out what became of the tokens: %j', (timeline, words) => {
  expect(noticeWords(loggedOut, false, timeline)?.content.markup).toMatch(words);
});

it.each([
  [loggedOut, true],
  [{ kind: 'still-logged-in' } as const, false],
  [undefined, true],
])('says nothing that no longer holds: %j, logged in: %s', (notice, isLoggedIn) => {
  expect(noticeWords(notice, isLoggedIn, [])).toBeUndefined();
});
