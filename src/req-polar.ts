import { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { PolarConfigurationError } from './errors.js';

/** Key of a request for what makes its `req.polar`. */
const maker = Symbol('passport-polar-sh.req-polar');

/** What makes `req.polar`, once it is used. */
export interface PolarMaker {
  readonly polar: unknown;
}

interface MaybeMade {
  readonly [maker]?: PolarMaker;
  readonly next?: unknown;
}

const polar: PropertyDescriptor & ThisType<MaybeMade> = {
  configurable: true,
  enumerable: false,
  get() {
    if (this[maker] !== undefined) return this[maker].polar;
    // Only where Express is at work: whatever goes through a message of Node's, or through the prototype, finds nothing.
    if (typeof this.next !== 'function') return undefined;
    throw new PolarConfigurationError(
      'missing_middleware',
      'req.polar was used on a route without the polarTokens middleware. Add app.use(polarTokens(polar)) after the session and before this route.',
    );
  },
  // Apps may have something of their own under this name.
  set(value: unknown) {
    Object.defineProperty(this, 'polar', { value, configurable: true, enumerable: true, writable: true });
  },
};
// Nothing else tells an app that never mounts polarTokens what it lacks; and a property of each request's own costs more.
Object.defineProperty(IncomingMessage.prototype, 'polar', polar);

/** Says what makes the `req.polar` of a request. A log of the request shows the maker, but not what is private in it. */
export function setPolarMaker(req: Request, made: PolarMaker): void {
  // An app's own property would hide it.
  if (Object.hasOwn(req, 'polar')) Reflect.deleteProperty(req, 'polar');
  if (!('polar' in req)) Object.defineProperty(req, 'polar', polar);
  (req as { [maker]?: PolarMaker })[maker] = made;
}

/** What {@link setPolarMaker} has set; undefined without the middleware. */
export function polarMakerOf(req: Request): PolarMaker | undefined {
  return (req as MaybeMade)[maker];
}
