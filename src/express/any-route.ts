import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';

/**
 * Types middleware as that of Node.js. From a `RequestHandler` in front, TypeScript would take the types of a route rather than
 * from the route's path: `req.params.org` of `/orgs/:org` would no longer be a string. The type has no name and is
 * inferred where it is used, because declaration files of an app could not refer to a name (TS2742).
 */
export function forAnyRoute(handler: RequestHandler): {
  /**
   * The middleware, for `app.use` or a route.
   *
   * @param req request
   * @param res its response
   * @param next the next middleware, or the error handler
   */
  // biome-ignore lint/style/useShorthandFunctionType: the API reference takes the comment from here
  (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): void;
} {
  return handler as ReturnType<typeof forAnyRoute>;
}
