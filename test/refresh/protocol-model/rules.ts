import type { Rule } from './model-checker.js';
import { haveAllLooked } from './reading.js';
import { isAhead, isLost, isQuiet, type Process, type Protocol, type State } from './world.js';

/** What the protocol promises, by name. */
export const ruleNames = {
  givenUp: 'a login is given up only when nobody can have its tokens any more',
  lost: 'tokens are lost only with a lost response, a death before the record, or a logout',
  noTokensLeft: 'after a logout nothing that works is left',
  oneLeft: 'in the end there is one pair that works',
  oneAtATime: 'with a working lock there is one exchange at a time',
  nobodyRefused: 'with a working lock nobody is refused',
  neverBack: 'the record never goes back',
  mended: 'in the end the record holds the newest tokens',
} as const;

export type RuleName = (typeof ruleNames)[keyof typeof ruleNames];

/** The rules of every world: how many exchanges there are, and what a store does, depends on the world. */
export const alwaysRules: readonly RuleName[] = [
  ruleNames.givenUp,
  ruleNames.lost,
  ruleNames.noTokensLeft,
  ruleNames.oneLeft,
  ruleNames.mended,
];

export function rulesFor(protocol: Protocol): Record<RuleName, Rule<State>> {
  // Nothing goes on, and everybody has looked at the rows.
  const isOver = (state: State): boolean => isQuiet(state) && haveAllLooked(state, protocol);
  return {
    [ruleNames.givenUp]: (before, after) =>
      before.tombstone ||
      isLost(before) ||
      after.processes.every((process, who) => !process.isRejected || before.processes[who]?.isRejected),

    [ruleNames.lost]: (_before, after) => !isLost(after) || after.tokensLost || isBeingEnded(after),

    [ruleNames.noTokensLeft]: (_before, after) =>
      !after.tombstone || !isOver(after) || after.tokensLost || after.endCutShort || liveOnes(after) === 0,

    [ruleNames.oneLeft]: (_before, after) =>
      after.tombstone || !isOver(after) || after.tokensLost || after.endCutShort || liveOnes(after) <= 1,

    [ruleNames.oneAtATime]: (_before, after) =>
      after.processes.filter(({ refresh }) => refresh === 'sent').length <= 1,

    [ruleNames.neverBack]: (before, after) => !isAhead(before.record, after.record),

    [ruleNames.mended]: (_before, after) =>
      after.tombstone ||
      !isOver(after) ||
      after.processes.every(({ isRejected, known }) => isRejected || !isAhead(known, after.record)),
    [ruleNames.nobodyRefused]: (_before, after) =>
      after.processes.every(({ response }) => response !== 'refused'),
  };
}

const liveOnes = ({ polar }: State): number => polar.filter((status) => status === 'live').length;

const isBeingEnded = ({ processes, tombstone }: State): boolean =>
  tombstone || processes.some(({ logout }: Process) => logout !== 'no');
