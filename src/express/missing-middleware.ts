import { IncomingMessage } from 'node:http';
import { PolarConfigurationError } from '../errors.js';

// Without this, a route that lacks the middleware fails with "cannot read properties of undefined".
Object.defineProperty(IncomingMessage.prototype, 'polar', {
  configurable: true,
  enumerable: false,
  // Apps may have something of their own under this name.
  set(this: IncomingMessage, value: unknown) {
    Object.defineProperty(this, 'polar', { value, configurable: true, enumerable: true, writable: true });
  },
  get(): never {
    throw new PolarConfigurationError(
      'missing_middleware',
      'req.polar was used on a route without the polarTokens middleware. Add app.use(polarTokens(polar)) after the session and before this route.',
    );
  },
});
