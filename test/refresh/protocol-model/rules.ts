import type { Rule } from './model-checker.js';
import { haveAllLooked } from './reading.js';
import { isAhead, isLost, isQuiet, type Process, type Protocol, type State } from './world.js';

/** What the protocol promises, by name. */
export const ruleNames = {
  givenUp: 'a login is given up only when no process can get its tokens any more',
  lost: 'tokens are lost only through a lost response, a crash before the record, or a logout',
  noTokensLeft: 'no token works after a logout',
  oneLeft: 'one pair at most works in the end',
  oneAtATime: 'a working lock allows one exchange at a time',
  nobodyRefused: 'no exchange is refused under a working lock',
  neverBack: 'the record never goes back',
  mended: 'the record holds the newest tokens in the end',
} as const;

export type RuleName = (typeof ruleNames)[keyof typeof ruleNames];

/** The rules of every world; the others depend on its lock and its store. */
export const alwaysRules: readonly RuleName[] = [
  ruleNames.givenUp,
  ruleNames.lost,
  ruleNames.noTokensLeft,
  ruleNames.oneLeft,
  ruleNames.mended,
];

export function rulesFor(protocol: Protocol): Record<RuleName, Rule<State>> {
  // Nothing is under way, and every process has read the rows.
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
