import type { Test } from 'supertest';
import request from 'supertest';
import { Browser } from './browser.js';

/** Where a site of a test really is. */
export interface Site {
  /** Where browsers find it, such as `https://app.shop.example`. */
  readonly origin: string;
  /** The port of this machine. */
  readonly port: number;
  /** The certificate that browsers trust, in PEM. */
  readonly certificate: string;
}

/** A browser that finds a site of the outside on this machine. */
export class SiteBrowser extends Browser {
  override readonly agent: ReturnType<typeof request.agent>;
  readonly #hosts: Record<string, { host: string; port: number }>;

  constructor({ origin, port, certificate }: Site) {
    super(origin);
    this.agent = request.agent(origin, { ca: certificate });
    this.#hosts = { [new URL(origin).hostname]: { host: '127.0.0.1', port } };
  }

  override get(path: string): Test {
    return super.get(path).connect(this.#hosts);
  }

  override post(path: string): Test {
    return super.post(path).connect(this.#hosts);
  }
}
