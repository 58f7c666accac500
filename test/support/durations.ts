import { jest } from '@jest/globals';

/**
 * Lets time pass as this process measures durations: `performance.now()` jumps ahead, timers stay as they are. A test that
 * uses it restores mocks afterwards (`jest.restoreAllMocks()`).
 */
export function skipDuration(ms: number): void {
  const before = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => before() + ms);
}
