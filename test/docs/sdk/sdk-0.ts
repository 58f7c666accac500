import type { PolarAccess } from 'passport-polar-sh';
import { HTTPClient, Polar } from 'polar-sdk-0';

export function polarAPI(access: PolarAccess, server: { server: 'sandbox' } | { serverURL: string }): Polar {
  const httpClient = new HTTPClient({
    fetcher: (input, init) => {
      const request = new Request(input, init);
      request.headers.set('Polar-Version', '2026-04'); // what 0.49 was made for
      return access.fetch(request);
    },
  });
  return new Polar({ httpClient, ...server }); // the same server as the strategy's
}
