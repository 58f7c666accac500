import type { Request } from 'express';
import type { PolarRuntime } from '../composition.js';

const key = Symbol('passport-polar-sh.request-runtime');

/** Remembers whose `req.polar` this is. */
export function setRuntimeOfRequest(req: Request, runtime: PolarRuntime): void {
  Object.defineProperty(req, key, { configurable: true, value: runtime });
}

/** The runtime behind `req.polar`; undefined without the middleware. */
export function runtimeOfRequest(req: Request): PolarRuntime | undefined {
  return (req as { [key]?: PolarRuntime })[key];
}
