import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/**
 * Types middleware as that of Node.js. From a `RequestHandler` in front, TypeScript would take the types of a route rather than
 * from the route's path: `req.params.org` of `/orgs/:org` would no longer be a string. The type has no name and is
 * inferred where it is used, because declaration files of an app could not refer to a name (TS2742).
 */
export function forAnyRoute(
  handler: RequestHandler,
): (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void {
  return handler as ReturnType<typeof forAnyRoute>;
}
