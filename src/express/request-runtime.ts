import type { Request } from 'express';
import type { PolarRuntime } from '../runtime.js';
import type { PolarRequest } from './polar-request.js';
import { type PolarMaker, polarMakerOf, setPolarMaker } from './req-polar.js';

type MakePolar = (runtime: PolarRuntime, req: Request) => PolarRequest;

/** Creates `req.polar`. All fields are private: logging the request must not show the options of the strategy. */
class RequestRuntime implements PolarMaker {
  readonly #runtime: PolarRuntime;
  readonly #req: Request;
  readonly #make: MakePolar;
  #polar: PolarRequest | undefined;

  constructor(runtime: PolarRuntime, req: Request, make: MakePolar) {
    this.#runtime = runtime;
    this.#req = req;
    this.#make = make;
  }

  static runtimeOf(maker: PolarMaker | undefined): PolarRuntime | undefined {
    return maker instanceof RequestRuntime ? maker.#runtime : undefined;
  }

  get polar(): PolarRequest {
    this.#polar ??= this.#make(this.#runtime, this.#req);
    return this.#polar;
  }
}

/** Adds `req.polar` to a request, created on first use, and records its runtime. */
export function setRuntimeOfRequest(req: Request, runtime: PolarRuntime, make: MakePolar): void {
  setPolarMaker(req, new RequestRuntime(runtime, req, make));
}

/** The runtime behind `req.polar`; undefined without the middleware. */
export function runtimeOfRequest(req: Request): PolarRuntime | undefined {
  return RequestRuntime.runtimeOf(polarMakerOf(req));
}
