import { invalidOption, PolarConfigurationError, PolarError } from '../errors.js';
import { startDeadline } from '../http/deadline.js';
import type { PolarAccess } from './polar-access.js';

/**
 * The methods used of a core of Polar's SDK, `@polar-sh/sdk` 1.x: one builds a request, the other sends it.
 *
 * @group Tokens
 */
export interface PolarSDKCore {
  /**
   * Builds a request.
   *
   * @param method such as `GET`
   * @param url path below the base URL
   * @returns URL and options for `fetch`
   */
  buildRequest(method: string, url: string): [string, RequestInit];
  /**
   * Sends a request.
   *
   * @param request URL and options for `fetch`
   * @param options `timeout` in seconds
   * @returns the response, whatever its status
   */
  sendRequest(request: [string, RequestInit], options?: PolarSDKRequestOptions): Promise<Response>;
}

/**
 * The last argument of the SDK's functions.
 *
 * @group Tokens
 */
export interface PolarSDKRequestOptions {
  /** Seconds until the whole response has arrived. @default 5, or that of {@link sdkCore} */
  readonly timeout?: number;
  /** Token of one request; a core from {@link sdkCore} throws if it is set. @default none */
  readonly accessToken?: string;
}

/**
 * Options of the SDK that the login and the strategy determine.
 *
 * @inline
 */
type DecidedHere = 'accessToken' | 'baseUrl' | 'environment';

/** The default time-out of the SDK for a response. */
const defaultTimeoutSeconds = 5;

/**
 * Creates a core of Polar's SDK (`@polar-sh/sdk` 1.x) that sends its requests through `access.fetch`: to the strategy's
 * server, with a valid token, refreshed if necessary, and with one retry after a 401. The core holds no token.
 * `Polar-Version` is that of the SDK's module.
 *
 * The core's functions throw the errors of `access.fetch`, and the SDK's own errors for other responses.
 *
 * @typeParam Core type of the core, as `createCore` returns it
 * @typeParam Options options of `createCore`
 * @param access `req.polar`, or `polar.tokensFor(loginId)`
 * @param createCore `createPolarCore` of `@polar-sh/sdk/2026-10`, or of another version
 * @param options the other options of the SDK: `timeout` in seconds (default 5), `organizationId`
 * @returns the core, for the services of the SDK
 * @throws {@link PolarConfigurationError} `unsupported_sdk` for an SDK that is incompatible with 1.0, `invalid_option`
 *
 * @example
 * ```ts
 * import { createPolarCore } from '@polar-sh/sdk/2026-10';
 * import { createOrganizationsService } from '@polar-sh/sdk/2026-10/services/organizations';
 *
 * const organizations = createOrganizationsService(
 *   sdkCore(req.polar, createPolarCore),
 * );
 * res.json(await organizations.list());
 * ```
 *
 * @group Tokens
 */
export function sdkCore<Core extends PolarSDKCore, Options extends object>(
  access: Pick<PolarAccess, 'fetch'>,
  createCore: (options: Options) => Core,
  options: Omit<Options, DecidedHere> = {} as Omit<Options, DecidedHere>,
): Core {
  if (typeof access?.fetch !== 'function')
    throw invalidOption('sdkCore needs req.polar or polar.tokensFor(loginId) as its first argument');
  for (const name of ['accessToken', 'baseUrl', 'environment'] satisfies DecidedHere[]) {
    if (Object.hasOwn(options ?? {}, name))
      throw invalidOption(
        `sdkCore does not accept ${name}: the access token comes from the login, and the address from the strategy's server option`,
      );
  }
  const { timeout: usualTimeout = defaultTimeoutSeconds } = (options ?? {}) as PolarSDKRequestOptions;

  const sendRequest: PolarSDKCore['sendRequest'] = async (
    [url, init],
    { timeout = usualTimeout, accessToken } = {},
  ) => {
    if (accessToken !== undefined)
      throw invalidOption(
        'A core from sdkCore always sends the access token of its login. For another token, create a core with the SDK itself.',
      );
    const deadline = startDeadline(milliseconds(timeout), init.signal, "the SDK's timeout");
    try {
      const response = await access.fetch(url, { ...init, signal: deadline.signal });
      // Reads the whole body, as the SDK would: the time-out then covers it, and an interrupted body throws an error of
      // this package.
      const body = await deadline.race(response.arrayBuffer());
      return new Response(body.byteLength === 0 ? null : body, response);
    } catch (error) {
      throw error instanceof PolarError
        ? error
        : deadline.explain(error, `${init.method} ${url.split('?')[0]}`);
    } finally {
      deadline.stop();
    }
  };
  return withSendRequest(
    () => createCore({ ...options, accessToken: '', baseUrl: '' } as Options & object),
    sendRequest,
  );
}

/** Without a base URL, the core requests paths, which `access.fetch` resolves. */
function withSendRequest<Core extends PolarSDKCore>(
  create: () => Core,
  sendRequest: PolarSDKCore['sendRequest'],
): Core {
  let cause: unknown;
  try {
    const core = create();
    const [url] = core.buildRequest('GET', '/v1/');
    if (url === '/v1/' && typeof core.sendRequest === 'function') return Object.assign(core, { sendRequest });
  } catch (error) {
    cause = error;
  }
  throw new PolarConfigurationError(
    'unsupported_sdk',
    "sdkCore needs createPolarCore of @polar-sh/sdk 1.x, for example from '@polar-sh/sdk/2026-10'; the given function creates an incompatible core. For other versions, see docs/sdk.md.",
    { cause },
  );
}

function milliseconds(seconds: number): number {
  const result = Math.ceil(seconds * 1000);
  if (result >= 0 && result < 2 ** 31) return result;
  throw invalidOption("The SDK's timeout must be a number of seconds, 0 or more");
}
