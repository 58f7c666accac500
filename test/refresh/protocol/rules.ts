import type { Rule } from './model-checker.js';
import { isOrphaned, isQuiet, none, type Process, type Protocol, type State } from './world.js';

/** What the protocol promises, by name. */
export const ruleNames = {
  givenUp: 'a login is given up only when nobody can have its tokens any more',
  lost: 'tokens are lost only with a lost answer, a death before the record, or a logout',
  noTokensLeft: 'after a logout nothing that works is left',
  endIsSeen: 'whoever comes after a logout is told so, whatever its session says',
  oneRequest: 'with a working lock there is one token request per expiry',
  oneRequestEach: 'without a lock each process makes at most one token request per expiry',
  neverBack: 'the record never goes back',
} as const;

export type RuleName = (typeof ruleNames)[keyof typeof ruleNames];

/** The rules of every world: how many requests there are, and what a store does, depends on the world. */
export const alwaysRules: readonly RuleName[] = [
  ruleNames.givenUp,
  ruleNames.lost,
  ruleNames.noTokensLeft,
  ruleNames.endIsSeen,
  ruleNames.neverBack,
];

export function rulesFor(protocol: Protocol): Record<RuleName, Rule<State>> {
  const everyProcess =
    (holds: (before: Process, after: Process, world: State) => boolean): Rule<State> =>
    (before, after) =>
      before.processes.every((process, who) => {
        const next = after.processes[who];
        return next === undefined || next === process || holds(process, next, before);
      });

  return {
    [ruleNames.givenUp]: everyProcess(
      (before, after, world) =>
        after.rejected === before.rejected ||
        after.rejected === none ||
        world.ended ||
        isOrphaned(world, protocol),
    ),

    [ruleNames.lost]: (_before, after) => !isOrphaned(after, protocol) || after.tokensLost || after.ended,

    [ruleNames.noTokensLeft]: (_before, after) =>
      !after.ended || after.live === none || !isQuiet(after) || after.tokensLost || after.endCutShort,

    // Who looked and found no mark did so before there was one.
    [ruleNames.endIsSeen]: everyProcess((before, after, world) => {
      const isHandedOut = before.refresh === 'reads' && after.refresh === 'no' && !after.knowsEnd;
      const works = after.known === world.live && after.known >= world.expired;
      return !(world.ended && isHandedOut && works) || before.sawEnd === 'no';
    }),

    [ruleNames.oneRequest]: (_before, after) => after.requests.every((requests) => requests <= 1),

    [ruleNames.oneRequestEach]: everyProcess((_before, after) => after.asked.times <= 1),

    [ruleNames.neverBack]: (before, after) => after.record >= before.record,
  };
}
