import { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { PolarConfigurationError } from '../errors.js';

// Shared by all copies of the package in this process: the getter on the prototype is that of the copy loaded last.
/** Key of a request under which its {@link PolarMaker} is stored. */
const maker = Symbol.for('passport-polar-sh.req-polar');

/** Creates `req.polar` on first use. */
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
    // Throws on Express requests only: code that inspects the prototype, or a request of plain Node.js, reads undefined.
    if (typeof this.next !== 'function') return undefined;
    throw new PolarConfigurationError(
      'missing_middleware',
      'req.polar was used on a route without the polarTokens middleware. Add app.use(polarTokens(polar)) after the session and before this route.',
    );
  },
  // The app may have its own property of this name.
  set(value: unknown) {
    Object.defineProperty(this, 'polar', { value, configurable: true, enumerable: true, writable: true });
  },
};
// On the prototype, to tell an app that never mounts polarTokens what is missing; an own property per request would cost more.
Object.defineProperty(IncomingMessage.prototype, 'polar', polar);

/** Sets the maker of `req.polar`. Logging the request shows the maker, but not its private fields. */
export function setPolarMaker(req: Request, made: PolarMaker): void {
  // The app's own property would hide it.
  if (Object.hasOwn(req, 'polar')) Reflect.deleteProperty(req, 'polar');
  if (!('polar' in req)) Object.defineProperty(req, 'polar', polar);
  (req as { [maker]?: PolarMaker })[maker] = made;
}

/** The maker that {@link setPolarMaker} has set; undefined without the middleware. */
export function polarMakerOf(req: Request): PolarMaker | undefined {
  return (req as MaybeMade)[maker];
}
