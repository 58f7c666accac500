import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { PolarStrategy } from 'passport-polar-sh';

/** Serves an app on a host that freezes the process once it has the response: what is left for Polar comes first. */
export function settledBeforeResponse(app: Express, polar: PolarStrategy) {
  return (req: IncomingMessage, res: ServerResponse): void => {
    const end = res.end;
    res.end = ((...args: Parameters<typeof end>) => {
      res.end = end;
      polar
        .settled({ withinMs: 5000 })
        .then(({ exchanges, writes }) => {
          if (exchanges + writes > 0) console.warn('Frozen with work left for Polar', { exchanges, writes });
        })
        .finally(() => end.apply(res, args));
      return res;
    }) as typeof end;
    app(req, res);
  };
}
