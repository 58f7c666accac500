import type { Express } from 'express';
import type { PolarStrategy } from 'passport-polar-sh';
import serverless from 'serverless-http';

/** The handler of a serverless function that serves an Express app. */
export function lambdaHandler(app: Express, polar: PolarStrategy) {
  return serverless(app, {
    // The host freezes the process as soon as it has the response, so this work comes first.
    async response() {
      const { exchanges, writes } = await polar.settled({ withinMs: 5000 });
      if (exchanges + writes > 0) console.warn('Frozen with work left for Polar', { exchanges, writes });
    },
  });
}
