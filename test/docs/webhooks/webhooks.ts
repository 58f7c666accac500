import express, { type Express } from 'express';
import { requireScope } from 'passport-polar-sh';
import { Webhook } from 'standardwebhooks';

/** The secret of each organization's endpoint, by the organization's id. Keep them as you keep tokens. */
export interface WebhookSecrets {
  get(organizationID: string): Promise<string | undefined>;
  set(organizationID: string, secret: string): Promise<void>;
}

/** What Polar sends; `data` is what its API shows of the order, subscription and so on. */
export interface PolarEvent {
  readonly type: string;
  readonly timestamp: string;
  readonly data: unknown;
}

/** The routes that create an endpoint for an organization, and that take its deliveries. */
export function addWebhooks(
  app: Express,
  secrets: WebhookSecrets,
  onEvent: (organizationID: string, event: PolarEvent, deliveryID: string) => Promise<void>,
): void {
  const needsWebhooks = requireScope('webhooks:write', { loginPath: '/auth/polar' });

  app.post('/organizations/:id/webhooks', needsWebhooks, async (req, res) => {
    const { id } = req.params as { id: string };
    if ((await secrets.get(id)) !== undefined) return void res.sendStatus(204); // each POST would make another one
    const response = await req.polar.fetch('/v1/webhooks/endpoints', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        url: `https://app.example/webhooks/polar/${id}`, // https, and not in a private network
        format: 'raw',
        events: ['order.paid', 'subscription.canceled'],
        organization_id: id,
      }),
    });
    if (!response.ok) throw new Error(`Polar refused the webhook endpoint (${response.status}).`);
    const endpoint = (await response.json()) as { secret: string };
    await secrets.set(id, endpoint.secret);
    res.sendStatus(201);
  });

  // The signature is over the bytes as they came: this route must see them before express.json() does.
  app.post('/webhooks/polar/:id', express.raw({ type: '*/*', limit: '1mb' }), async (req, res) => {
    const { id } = req.params as { id: string };
    const secret = await secrets.get(id);
    if (secret === undefined) return void res.sendStatus(404);
    const deliveryID = req.get('webhook-id') ?? '';
    let event: PolarEvent;
    try {
      // Polar's key is the text of the secret, whsec_ included; without `raw` this library would read base64 in it.
      const webhook = new Webhook(secret, { format: 'raw' });
      event = webhook.verify(req.body, {
        'webhook-id': deliveryID,
        'webhook-timestamp': req.get('webhook-timestamp') ?? '',
        'webhook-signature': req.get('webhook-signature') ?? '',
      }) as PolarEvent;
    } catch {
      return void res.sendStatus(403);
    }
    await onEvent(id, event, deliveryID);
    res.sendStatus(202);
  });
}
