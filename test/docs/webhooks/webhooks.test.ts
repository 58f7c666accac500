/** Runs docs/webhooks.md: an endpoint per organization, and deliveries signed as Polar signs them. */
import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/test-app.js';
import { signDelivery } from './sign-delivery.js';
import { addWebhooks, type PolarEvent } from './webhooks.js';

const ACME = '22222220-2222-4222-8222-222222222222';
const OTHER = '22222221-2222-4222-8222-222222222222';
// As in Polar's documentation: what follows the prefix is not base64, unlike with other services.
const SECRET = 'whsec_ovyN6cPrTv56AApvzCaJno08SSmGJmgbWilb33N2JuK';
const EVENT = { type: 'order.paid', timestamp: '2026-11-27T10:00:00Z', data: { id: 'o-1', name: 'Grüße' } };

let app: TestApp;
let secrets: Map<string, string>;
let events: [string, PolarEvent, string][];

async function start(scope = 'openid email webhooks:write'): Promise<void> {
  secrets = new Map();
  events = [];
  const kept = {
    get: async (id: string) => secrets.get(id),
    set: async (id: string, secret: string) => void secrets.set(id, secret),
  };
  app = await startTestApp({
    strategy: { scope },
    routes: (express) => addWebhooks(express, kept, async (...event) => void events.push(event)),
  });
}
afterEach(() => app.close());

describe('a webhook endpoint', () => {
  // The local Polar checks the token and its scope, and has no webhook endpoints itself.
  const created = {
    status: 201,
    headers: { 'content-type': 'application/json' },
    body: { id: 'e-1', secret: SECRET, organization_id: ACME, enabled: true },
  };

  it('is created with the token of the login, and its secret is kept for the organization', async () => {
    await start();
    const browser = app.browser();
    await browser.logIn();
    app.emulator.fail('api', created);
    expect((await browser.post(`/organizations/${ACME}/webhooks`)).status).toBe(201);
    const sent = app.emulator.requests.find(({ endpoint }) => endpoint === 'api');
    expect([sent?.method, sent?.path]).toEqual(['POST', '/v1/webhooks/endpoints']);
    expect(JSON.parse(sent?.body ?? '')).toEqual({
      url: `https://app.example/webhooks/polar/${ACME}`,
      format: 'raw',
      events: ['order.paid', 'subscription.canceled'],
      organization_id: ACME,
    });
    expect([...secrets]).toEqual([[ACME, SECRET]]);
  });

  it('is not created twice', async () => {
    await start();
    secrets.set(ACME, SECRET);
    const browser = app.browser();
    await browser.logIn();
    expect((await browser.post(`/organizations/${ACME}/webhooks`)).status).toBe(204);
    expect(app.emulator.requests.filter(({ endpoint }) => endpoint === 'api')).toEqual([]);
  });

  it('needs the scope webhooks:write, as it does at Polar', async () => {
    await start('openid email');
    const browser = app.browser();
    await browser.logIn();
    const { status, body } = await browser.post(`/organizations/${ACME}/webhooks`);
    expect([status, body.code]).toEqual([403, 'insufficient_scope']);
    await app.emulator.settled();
    const headers = { authorization: `Bearer ${await browser.token()}` };
    const polar = await fetch(`${app.emulator.url}/v1/webhooks/endpoints`, { method: 'POST', headers });
    expect([polar.status, polar.headers.get('www-authenticate')]).toEqual([
      403,
      expect.stringContaining('webhooks:write'),
    ]);
  });

  it('leaves no secret behind when Polar refuses it', async () => {
    await start();
    const browser = app.browser();
    await browser.logIn();
    app.emulator.fail('api', { status: 422, body: { error: 'RequestValidationError', detail: [] } });
    expect((await browser.post(`/organizations/${ACME}/webhooks`)).status).toBe(500);
    expect([...secrets]).toEqual([]);
  });
});

describe('a webhook delivery', () => {
  beforeEach(async () => {
    await start();
    secrets.set(ACME, SECRET);
    secrets.set(OTHER, `${SECRET}x`);
  });

  const now = () => Math.floor(Date.now() / 1000);

  /** Signs like Polar, with the text of the secret as the key. */
  function signed(body: string, { secret = SECRET, seconds = now() } = {}) {
    const signature = createHmac('sha256', secret).update(`d-1.${seconds}.${body}`).digest('base64');
    return {
      'webhook-id': 'd-1',
      'webhook-timestamp': String(seconds),
      'webhook-signature': `v1,${signature}`,
    };
  }
  const deliver = (body: string, headers: object, id = ACME) =>
    app
      .browser()
      .post(`/webhooks/polar/${id}`)
      .set({ 'content-type': 'application/json', ...headers })
      .send(body);

  const BODY = JSON.stringify(EVENT);

  it('that Polar has signed with the secret of the organization is accepted', async () => {
    expect((await deliver(BODY, signed(BODY))).status).toBe(202);
    expect(events).toEqual([[ACME, EVENT, 'd-1']]);
  });

  it('can be signed in a test as Polar signs it', async () => {
    const at = new Date();
    const seconds = Math.floor(at.getTime() / 1000);
    expect(signDelivery(SECRET, 'd-1', BODY, at)).toEqual(signed(BODY, { seconds }));
    expect((await deliver(BODY, signDelivery(SECRET, 'd-9', BODY))).status).toBe(202);
    expect(events).toEqual([[ACME, EVENT, 'd-9']]);
  });

  const forged: [string, () => ReturnType<typeof deliver>][] = [
    ['has no signature', () => deliver(BODY, {})],
    [
      'is signed by somebody without the secret',
      () => deliver(BODY, signed(BODY, { secret: 'whsec_guess' })),
    ],
    ['is of another organization', () => deliver(BODY, signed(BODY, { secret: `${SECRET}x` }))],
    ['has another body', () => deliver(BODY.replace('o-1', 'o-2'), signed(BODY))],
    ['has another id', () => deliver(BODY, { ...signed(BODY), 'webhook-id': 'd-2' })],
    ['is of yesterday', () => deliver(BODY, signed(BODY, { seconds: now() - 86_400 }))],
    ['is of tomorrow', () => deliver(BODY, signed(BODY, { seconds: now() + 86_400 }))],
    // The library derives another key from Polar's secret as it is.
    [
      'is signed with the base64 behind whsec_',
      () => deliver(BODY, signed(BODY, { secret: Buffer.from(SECRET.slice(6), 'base64') as never })),
    ],
  ];
  it.each(forged)('that %s is refused', async (_why, send) => {
    expect((await send()).status).toBe(403);
    expect(events).toEqual([]);
  });

  it('gets 404 for an organization without an endpoint', async () => {
    expect((await deliver(BODY, signed(BODY), ACME.replace('0', '9'))).status).toBe(404);
  });
});
