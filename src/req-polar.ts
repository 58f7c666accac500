import type { Request } from 'express';
import { PolarConfigurationError } from './errors.js';

/** Key of a request for what makes its `req.polar`. */
const maker = Symbol('passport-polar-sh.req-polar');

/** What makes `req.polar`, once it is used. */
export interface PolarMaker {
  readonly polar: unknown;
}

// Prototypes of the requests of apps, and requests of frameworks that have no such prototype.
const shownOn = new WeakSet<object>();

/**
 * Gives all requests of this one's app a `req.polar` that says how to get one. The prototype is the app's own: neither Node's
 * requests nor those of other apps are touched. An app that never starts a login and never mounts polarTokens has none.
 */
export function showPolarOn(req: Request): void {
  const requests = (req.app as { readonly request?: object } | undefined)?.request ?? req;
  if (shownOn.has(requests)) return;
  shownOn.add(requests);
  Object.defineProperty(requests, 'polar', {
    configurable: true,
    enumerable: false,
    get(this: { readonly [maker]?: PolarMaker }) {
      if (this[maker] !== undefined) return this[maker].polar;
      throw new PolarConfigurationError(
        'missing_middleware',
        'req.polar was used on a route without the polarTokens middleware. Add app.use(polarTokens(polar)) after the session and before this route.',
      );
    },
    // Apps may have something of their own under this name.
    set(this: object, value: unknown) {
      Object.defineProperty(this, 'polar', { value, configurable: true, enumerable: true, writable: true });
    },
  });
}

/** Says what makes the `req.polar` of a request. A log of the request shows the maker, but not what is private in it. */
export function setPolarMaker(req: Request, made: PolarMaker): void {
  // An app's own property would hide it.
  if (Object.hasOwn(req, 'polar') && !shownOn.has(req)) Reflect.deleteProperty(req, 'polar');
  (req as { [maker]?: PolarMaker })[maker] = made;
}

/** What {@link setPolarMaker} has set; undefined without the middleware. */
export function polarMakerOf(req: Request): PolarMaker | undefined {
  return (req as { [maker]?: PolarMaker })[maker];
}
