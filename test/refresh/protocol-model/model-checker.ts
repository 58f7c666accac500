/** One thing that can happen next, and what the world is like afterwards. */
export interface Step<State> {
  readonly name: string;
  readonly to: State;
}

/** What must hold of every step: false where it does not. Most look at the state afterwards only. */
export type Rule<State> = (before: State, after: State) => boolean;

/** A world that is small enough to look at all of it. */
export interface Model<State> {
  readonly initial: State;
  steps(state: State): Iterable<Step<State>>;
  /** Equal for states that need not be told apart, such as those in which two like processes have changed places. */
  keyOf(state: State): string;
  /** Whether nobody is in the middle of something; such a state may be the last one. */
  isQuiet(state: State): boolean;
  readonly rules: Readonly<Record<string, Rule<State>>>;
}

/** What has been found out about a model. */
export interface Verdict {
  readonly states: number;
  readonly steps: number;
  readonly milliseconds: number;
  /** The names of all steps that can happen at all: a check in which nothing happens proves nothing. */
  readonly happened: ReadonlySet<string>;
  /** The rule that does not hold and the shortest way there, one step a line; undefined when all hold. */
  readonly broken: { readonly rule: string; readonly trace: string } | undefined;
}

/** The rule of every model: whoever is in the middle of something can go on. */
export const nobodyIsStuck = 'nobody is stuck';

/**
 * Visits every state that can be reached, the nearest first, and stops at the first step that breaks a rule.
 *
 * @throws RangeError when there are more than `maxStates`: then nothing has been shown
 */
export function check<State>(model: Model<State>, maxStates = 4_000_000): Verdict {
  const startedAt = performance.now();
  const rules = Object.entries(model.rules);
  const seen = new Set([model.keyOf(model.initial)]);
  const states = [model.initial];
  // How each state was first reached; only these two are kept of the way.
  const cameFrom = [-1];
  const cameBy = [''];
  const happened = new Set<string>();
  let steps = 0;

  const verdict = (rule?: string, at = 0, last?: string): Verdict => ({
    states: states.length,
    steps,
    milliseconds: Math.round(performance.now() - startedAt),
    happened,
    broken: rule === undefined ? undefined : { rule, trace: traceTo(at, last) },
  });
  const traceTo = (at: number, last: string | undefined): string => {
    const names = last === undefined ? [] : [last];
    for (let index = at; index > 0; index = cameFrom[index] as number) names.push(cameBy[index] as string);
    return names
      .reverse()
      .map((name, index) => `${index + 1}. ${name}`)
      .join('\n');
  };

  for (let index = 0; index < states.length; index++) {
    const state = states[index] as State;
    let isLast = true;
    for (const { name, to } of model.steps(state)) {
      isLast = false;
      steps++;
      happened.add(name);
      for (const [rule, holds] of rules) if (!holds(state, to)) return verdict(rule, index, name);
      const key = model.keyOf(to);
      if (seen.has(key)) continue;
      if (states.length >= maxStates) throw new RangeError(`More than ${maxStates} states`);
      seen.add(key);
      states.push(to);
      cameFrom.push(index);
      cameBy.push(name);
    }
    if (isLast && !model.isQuiet(state)) return verdict(nobodyIsStuck, index);
  }
  return verdict();
}
