import type { Model, Step } from './model-checker.js';
import { logoutSteps, recordSteps, revokeSteps } from './recording.js';
import { refreshSteps } from './refreshing.js';
import { alwaysRules, type RuleName, rulesFor } from './rules.js';
import { fateSteps, worldSteps } from './surroundings.js';
import {
  initialState,
  isQuiet,
  keyOf,
  type Protocol,
  protocolAsDescribed,
  type State,
  type World,
} from './world.js';

/** The model of a world with the protocol in it, and the rules that must hold. */
export function refreshModel(
  world: World,
  protocol: Protocol = protocolAsDescribed,
  ruleNames: readonly RuleName[] = alwaysRules,
): Model<State> {
  const all = rulesFor(protocol);
  const rules = Object.fromEntries(ruleNames.map((name) => [name, all[name]]));
  return { initial: initialState(world), steps, keyOf, isQuiet, rules };

  function* steps(state: State): Iterable<Step<State>> {
    for (const [who, { isStopped }] of state.processes.entries()) {
      yield* fateSteps(state, who);
      if (isStopped) continue;
      yield* refreshSteps(state, who, world, protocol);
      yield* recordSteps(state, who, world, protocol);
      yield* logoutSteps(state, who, protocol);
      yield* revokeSteps(state, who, protocol);
    }
    yield* worldSteps(state, world, protocol);
  }
}
