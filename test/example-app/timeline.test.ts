import { channel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { timelineSection } from '../../example-app/pages/timeline-section.js';
import { Timeline } from '../../example-app/timeline.js';
import { noteToken } from '../../example-app/token-change.js';

let timeline: Timeline;
beforeEach(() => {
  timeline = new Timeline();
});
afterEach(() => timeline.close());

function publish(name: string, message: object): void {
  channel(`passport-polar-sh:${name}`).publish(message);
}

describe('the timeline of the example app', () => {
  it('keeps the events of each login apart, with duration, reason and error code', () => {
    publish('login', { event: 'logged-in', loginId: 'one', durationMs: 12.4 });
    publish('refresh', { event: 'refresh-failed', loginId: 'two', error: { code: 'rate_limited' } });
    publish('logout', { event: 'ended', loginId: 'one', reason: 'logged_out' });
    const at = expect.any(Number);
    expect(timeline.of('one')).toEqual([
      { event: 'logged-in', at, durationMs: 12.4 },
      { event: 'ended', at, reason: 'logged_out' },
    ]);
    expect(timeline.of('two')).toEqual([{ event: 'refresh-failed', at, errorCode: 'rate_limited' }]);
    expect(timeline.of('three')).toEqual([]);
    expect(timeline.of(undefined)).toEqual([]);
  });

  it('keeps nothing of an error but its code', () => {
    publish('refresh', { event: 'refresh-failed', loginId: 'one', error: new Error('polar_rt_secret') });
    expect(JSON.stringify(timeline.of('one'))).not.toContain('secret');
  });

  it('ignores events without a login, and what is no event', () => {
    for (const message of [
      { event: 'login-started' },
      { loginId: 'one' },
      { loginId: 1, event: 'refreshed' },
    ])
      publish('login', message);
    expect(timeline.of('one')).toEqual([]);
  });

  it('keeps the latest 20 events of a login', () => {
    for (let n = 0; n < 25; n++) publish('refresh', { event: `e${n}`, loginId: 'one' });
    expect(timeline.of('one').map(({ event }) => event)).toEqual(
      Array.from({ length: 20 }, (_, n) => `e${n + 5}`),
    );
  });

  it('forgets the logins that have been quiet for longest, beyond 1000', () => {
    for (let n = 0; n < 1000; n++) publish('login', { event: 'logged-in', loginId: `login-${n}` });
    publish('refresh', { event: 'refreshed', loginId: 'login-0' });
    publish('login', { event: 'logged-in', loginId: 'one more' });
    expect(timeline.of('login-0')).toHaveLength(2);
    expect(timeline.of('login-1')).toEqual([]);
    expect(timeline.of('login-2')).toHaveLength(1);
  });

  it('listens no longer once it is closed', () => {
    timeline.close();
    publish('login', { event: 'logged-in', loginId: 'one' });
    expect(timeline.of('one')).toEqual([]);
  });
});

describe('the timeline on the page', () => {
  it.each([
    ['logged-in', {}, 'Logged in'],
    ['refreshed', { durationMs: 31.6 }, 'Refreshed the access token'],
    ['refreshed', { durationMs: 31.6 }, '32 ms'],
    ['refresh-failed', { errorCode: 'server_error' }, 'Could not refresh'],
    ['lock-waited', { durationMs: 80 }, 'Waited for another refresh'],
    ['retried-after-401', {}, 'Retried an API request'],
    ['revocation', {}, 'Revoked the tokens at Polar'],
    ['revocation', { errorCode: 'timeout' }, 'Could not revoke the tokens'],
    ['logged-out', {}, 'Ended the session'],
    ['ended', { reason: 'refused_by_polar' }, 'Polar no longer refreshes its tokens.'],
  ])('says of %s %j: %s', (event, more, words) => {
    const { markup } = timelineSection([{ event, at: 0, ...more }]);
    expect(markup).toContain(words);
    expect(markup).toContain(`<code>${event}</code>`);
  });

  it('leaves out events for operators', () => {
    expect(timelineSection([{ event: 'record-restored', at: 0 }]).markup).not.toContain('<li');
  });
});

describe('when a token was issued', () => {
  const requestWith = (session: object) =>
    ({ polar: { loginId: 'one' }, session }) as unknown as Parameters<typeof noteToken>[0];
  const tokens = (accessToken: string) => ({ accessToken, scopes: [] });

  it('is known from the events of this process', () => {
    publish('login', { event: 'logged-in', loginId: 'one' });
    const req = requestWith({});
    const { token, change } = noteToken(req, tokens('polar_at_u_1111'), timeline);
    expect([token.issuedAt, change]).toEqual([timeline.of('one')[0]?.at, undefined]);
    publish('refresh', { event: 'refreshed', loginId: 'one' });
    const next = noteToken(req, tokens('polar_at_u_2222'), timeline);
    expect(next.change?.before.ending).toBe('1111');
    expect(next.change?.after).toMatchObject({ ending: '2222', issuedAt: expect.any(Number) });
  });

  it('is unknown if another process refreshed it', () => {
    publish('login', { event: 'logged-in', loginId: 'one' });
    const req = requestWith({ shownToken: { ending: '1111', loginId: 'one', since: Date.now() + 1 } });
    const { change } = noteToken(req, tokens('polar_at_u_2222'), timeline);
    expect(change?.after).toMatchObject({ ending: '2222', issuedAt: undefined });
  });

  it('is no change if the page showed the token of another login', () => {
    const req = requestWith({ shownToken: { ending: '1111', loginId: 'two', since: 0 } });
    expect(noteToken(req, tokens('polar_at_u_2222'), timeline).change).toBeUndefined();
  });
});
