import type { IncomingMessage, ServerResponse } from 'node:http';
import { appFromEnvironment } from '../from-environment.js';
import { settledBeforeResponse } from '../settled-before-response.js';

// Once for each instance, not for each request.
const { app, polar, connect } = appFromEnvironment();
const connected = connect();
const handle = settledBeforeResponse(app, polar);

export default async function handler(req: IncomingMessage, res: ServerResponse) {
  await connected;
  handle(req, res);
}
