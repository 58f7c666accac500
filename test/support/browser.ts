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

  /** The whole login; resolves with the app's answer to the callback. */
  async logIn(path = '/auth/polar'): Promise<Response> {
    return this.get(await this.visitPolar(await this.startLogin(path)));
  }

  /** What `GET /token` of the test app answers. */
  async token(): Promise<string> {
    const answer = await this.get('/token');
    return answer.body.accessToken as string;
  }
}
