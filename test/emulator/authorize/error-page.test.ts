/** What users see when Polar does not redirect them to the app. test/emulator/wire.test.ts has what scripts get. */
import { describe, expect, it } from '@jest/globals';
import { LocalPolar } from '../support/local-polar';

const polar = new LocalPolar();

const BROWSER = { headers: { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' } };
const open = (path: string) => polar.send(path, BROWSER);

describe('a browser', () => {
  it.each([
    [
      { client_id: 'nobody' },
      'invalid_client',
      'start the app again with the file that <code>--write-env</code> wrote',
    ],
    [
      { redirect_uri: 'http://localhost:4000/other' },
      'invalid_request',
      'restart the local Polar with <code>--redirect-uri</code>',
    ],
    [{ response_type: 'token', client_id: 'nobody' }, 'unsupported_response_type', 'does not accept'],
  ])('gets an error page instead of JSON for %j', async (changes, code, advice) => {
    const path = polar.authorizePath(changes);
    const { json } = await polar.send(path);
    const { status, headers, text } = await open(path);
    expect([status, headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('cache-control')).toBe('private, no-store');
    expect(text).toMatch(/^<!doctype html>[\s\S]*<h1>An error occurred<\/h1>/);
    expect(text).toContain(`role="alert">${String(json['error_description']).replaceAll("'", '&#39;')}</p>`);
    expect([json['error'], text]).toEqual([code, expect.stringContaining(`<code>${code}</code>`)]);
    expect(text).toContain(advice);
    expect(text).not.toContain('st-1'); // the app's state
  });

  it('gets an error page without markup from the request', async () => {
    const { text } = await open(
      polar.authorizePath({ redirect_uri: 'http://localhost/<script>alert(1)</script>' }),
    );
    expect(text).toContain('&lt;script&gt;');
    expect(text).not.toContain('<script');
  });

  it('gets an error page when nobody is signed in', async () => {
    polar.emulator.user = '';
    const { status, text } = await open(polar.authorizePath());
    expect(status).toBe(401);
    expect(text).toContain('No user is signed in at this local Polar');
  });

  it('gets an error page for an old consent form', async () => {
    const { status, text } = await polar.send('/oauth2/consent', {
      ...BROWSER,
      method: 'POST',
      body: new URLSearchParams(),
    });
    expect(status).toBe(400);
    expect(text).toContain('<p class="lead" role="alert">This consent form does not belong to this request.');
  });

  it('is redirected to the app with an error for the app', async () => {
    const { status, location } = await open(polar.authorizePath({ scope: 'nope' }));
    expect([status, location.get('error')]).toEqual([302, 'invalid_scope']);
  });
});

it.each(['*/*', 'application/json', 'text/htmlx'])(
  'a client that accepts %s gets the JSON of Polar’s API',
  async (accept) => {
    const { status, json } = await polar.send(polar.authorizePath({ client_id: 'nobody' }), {
      headers: { accept },
    });
    expect([status, json['error']]).toEqual([400, 'invalid_client']);
  },
);
