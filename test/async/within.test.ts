import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { within } from '../../src/async/within.js';
import {
  elapsedMs,
  finished,
  installVirtualTime,
  stepTime,
  uninstallVirtualTime,
} from '../support/virtual-time.js';

beforeEach(installVirtualTime);
afterEach(uninstallVirtualTime);

describe('a time limit', () => {
  it('accepts a result that arrives in the same turn of the event loop', async () => {
    let come = (_value: string): void => {};
    const response = new Promise<string>((resolve) => {
      come = resolve;
    });
    const waiting = within(response, 1000, 'The response');
    waiting.catch(() => {});
    stepTime();
    setImmediate(() => come('there'));
    expect(await finished(waiting)).toBe('there');
  });

  it('ends two turns of the event loop after its time', async () => {
    const waiting = within(new Promise(() => {}), 1000, 'The response');
    await expect(finished(waiting)).rejects.toThrow(new Error('The response took longer than 1000 ms'));
    expect(elapsedMs()).toBe(1000);
  });
});
