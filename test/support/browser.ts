import request, { type Response } from 'supertest';

/** A browser session: a cookie jar, and the trip to Polar and back. */
export class Browser {
  readonly agent: ReturnType<typeof request.agent>;
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
    this.agent = request.agent(url);
  }

  get(path: string): request.Test {
    return this.agent.get(path);
  }

  post(path: string): request.Test {
    return this.agent.post(path);
  }

  /** Starts a login; resolves with the address of Polar's authorize page. */
  async startLogin(path = '/auth/polar'): Promise<URL> {
    const answer = await this.get(path);
    if (answer.status !== 302) throw new Error(`${path} answered ${answer.status} ${answer.text}`);
    return new URL(answer.headers['location'] as string);
  }

  /** Visits the authorize page; resolves with the path of the callback to which it sends back. */
  async visitPolar(authorizeURL: URL): Promise<string> {
    const answer = await fetch(authorizeURL, { redirect: 'manual' });
    const location = answer.headers.get('location');
    if (location === null) throw new Error(`Polar answered ${answer.status} ${await answer.text()}`);
    return location.replace(this.#url, '');
  }

  /** The whole login; resolves with the app's response to the callback. */
  async logIn(path = '/auth/polar'): Promise<Response> {
    return this.get(await this.visitPolar(await this.startLogin(path)));
  }

  /** The token in the response of the test app to `GET /token`. */
  async token(): Promise<string> {
    const answer = await this.get('/token');
    return answer.body.accessToken as string;
  }

  /** The same browser at another process of the app: cookies ignore ports. */
  at({ url }: { readonly url: string }): Browser {
    const other = new Browser(url);
    other.agent.jar = this.agent.jar;
    return other;
  }

  /** The cookies as the browser sends them. */
  get cookieHeader(): string {
    return this.#cookies()
      .map((cookie) => cookie.toValueString())
      .join('; ');
  }

  /** Remembers the cookies; the returned function restores them. */
  keepCookies(): () => void {
    const kept = this.#cookies().map(String);
    return () => void this.agent.jar.setCookies(kept, '127.0.0.1', '/');
  }

  #cookies(): { toValueString(): string }[] {
    const access = { domain: '127.0.0.1', path: '/', secure: false, script: false };
    return this.agent.jar.getCookies(access) as unknown as { toValueString(): string }[];
  }
}
