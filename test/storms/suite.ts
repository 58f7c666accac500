import { afterAll, afterEach, describe } from '@jest/globals';
import { hasRedis } from '../support/redis-server.js';
import { Measured } from './measured.js';
import { Site, type SiteOptions } from './site.js';

export interface StormSuite {
  readonly measured: Measured;
  /** Starts the site of one test, which is closed after it. */
  startSite(options: SiteOptions): Promise<Site>;
}

/** A suite of storms, which needs Redis. Its measurements are printed at its end. */
export function describeStorm(title: string, define: (suite: StormSuite) => void): void {
  (hasRedis ? describe : describe.skip)(title, () => {
    const measured = new Measured();
    let site: Site | undefined;
    const startSite = async (options: SiteOptions): Promise<Site> => {
      site = await Site.start(options);
      return site;
    };
    afterEach(() => site?.close());
    afterAll(() => measured.print());
    define({ measured, startSite });
  });
}
