/** One thing that can happen next, and the state after it. */
export interface Step<State> {
  readonly name: string;
  readonly to: State;
}

/** What must hold of every step: false if it does not. Most rules look only at the state afterwards. */
export type Rule<State> = (before: State, after: State) => boolean;

/** A world that is small enough to visit all of its states. */
export interface Model<State> {
  readonly initial: State;
  steps(state: State): Iterable<Step<State>>;
  /** The same for states that are equivalent, such as those in which two processes have changed places. */
  keyOf(state: State): string;
  /** Whether no process is in the middle of something; such a state may be the last one. */
  isQuiet(state: State): boolean;
  readonly rules: Readonly<Record<string, Rule<State>>>;
}

/** The result of a check. */
export interface Verdict {
  readonly states: number;
  readonly steps: number;
  readonly milliseconds: number;
  /** The names of all steps that occur: a check in which nothing happens proves nothing. */
  readonly happened: ReadonlySet<string>;
  /** The rule that is broken and the shortest way there, one step a line; undefined if all rules hold. */
  readonly broken: { readonly rule: string; readonly trace: string } | undefined;
}

/** The rule of every model: a process in the middle of something can always go on. */
export const nobodyIsStuck = 'no process is stuck';

/**
 * Visits every state that can be reached, nearest first, and stops at the first step that breaks a rule.
 *
 * @throws RangeError if there are more than `maxStates`; then nothing has been shown
 */
export function check<State>(model: Model<State>, maxStates = 4_000_000): Verdict {
  const startedAt = performance.now();
  const rules = Object.entries(model.rules);
  const seen = new Set([model.keyOf(model.initial)]);
  const states = [model.initial];
  // How each state was first reached; the trace needs no more.
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
