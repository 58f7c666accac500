import { describe, expect, it } from '@jest/globals';
import { check, nobodyIsStuck } from './model-checker.js';

describe('the model checker', () => {
  // Counts to two, or leaps from one to three.
  const counting = (isDone: (state: number) => boolean) => ({
    initial: 0,
    *steps(state: number) {
      if (state < 2) yield { name: 'one more', to: state + 1 };
      if (state === 1) yield { name: 'leap', to: 3 };
    },
    keyOf: String,
    isQuiet: isDone,
    rules: { 'below three': (_before: number, after: number) => after < 3 },
  });

  it('prints the shortest way to a broken rule', () => {
    expect(check(counting(() => true)).broken).toEqual({
      rule: 'below three',
      trace: '1. one more\n2. leap',
    });
  });

  it('finds a process that is stuck', () => {
    const model = { ...counting((state) => state === 3), rules: {} };
    expect(check(model).broken).toEqual({ rule: nobodyIsStuck, trace: '1. one more\n2. one more' });
  });

  it('visits every state once', () => {
    const model = { ...counting(() => true), rules: {} };
    expect(check(model)).toMatchObject({ states: 4, steps: 3, broken: undefined });
  });

  it('rejects a world with too many states', () => {
    const model = counting(() => true);
    expect(() => check(model, 2)).toThrow('More than 2 states');
  });
});
