import { Webhook } from 'standardwebhooks';

/** Headers of a delivery, as Polar signs it. */
export function signDelivery(secret: string, deliveryID: string, body: string, at = new Date()) {
  return {
    'webhook-id': deliveryID,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret, { format: 'raw' }).sign(deliveryID, at, body),
  };
}
