import type { Step } from './model-checker.js';
import { isBehind } from './recording.js';
import { isBeyondDoubt, issue } from './refreshing.js';
import {
  isLost,
  newProcess,
  type Protocol,
  processAt,
  type State,
  spend,
  type World,
  withProcess,
  withRecord,
} from './world.js';

type Steps = Iterable<Step<State>>;

/** What happens to a process from outside. */
export function* fateSteps(state: State, who: number): Steps {
  const process = processAt(state, who);
  const isBusy =
    process.refresh !== 'no' ||
    process.writer !== 'no' ||
    process.logout !== 'no' ||
    process.revokes.length > 0;
  if (state.left.crashes > 0 && (isBusy || process.known.generation > 0 || process.isStopped))
    yield { name: `process ${who} dies, and a new one starts`, to: die(state, who) };
  if (process.isStopped) {
    yield { name: `process ${who} runs again`, to: withProcess(state, who, { isStopped: false }) };
    return;
  }
  if (state.left.stops > 0 && isBusy)
    yield {
      name: `process ${who} is stopped`,
      to: spend(
        // It measures how long the write took.
        withProcess(state, who, { isStopped: true, isSlow: process.refresh === 'writes lock' }),
        'stops',
      ),
    };
  if (state.left.slowLocks > 0 && process.refresh === 'writes lock' && !process.isSlow)
    yield {
      name: `process ${who} takes long to write the lock`,
      to: spend(withProcess(state, who, { isSlow: true }), 'slowLocks'),
    };
}

function die(state: State, who: number): State {
  const { refresh, response, revokes, sent, spare, logout, writer } = processAt(state, who);
  const after: State = {
    ...spend(withProcess(state, who, newProcess), 'crashes'),
    lock: state.lock.owner === who ? { owner: 'ghost', isMarked: state.lock.isMarked } : state.lock,
    // Its request is still under way.
    strayRequests:
      refresh === 'sent' && response === 'none' && sent !== undefined
        ? [...state.strayRequests, sent.pair]
        : state.strayRequests,
  };
  const lostAPair = typeof response === 'number' || spare !== undefined || writer !== 'no';
  return {
    ...after,
    tokensLost: state.tokensLost || lostAPair || (isLost(after) && !isLost(state)),
    endCutShort: state.endCutShort || revokes.length > 0 || logout !== 'no',
  };
}

/** What happens between and beyond the processes. */
export function* worldSteps(state: State, world: World, protocol: Protocol): Steps {
  const newest = state.polar.length;
  if (!state.polar.includes('uncommitted') && state.expired < newest && countExpiries(state) < world.rounds)
    yield { name: 'all tokens expire', to: { ...state, expired: newest } };
  if (state.polar.includes('uncommitted'))
    yield {
      name: 'Polar commits',
      to: {
        ...state,
        polar: state.polar.map((status) =>
          status === 'uncommitted' ? 'live' : status === 'spent' ? 'dead' : status,
        ),
      },
    };
  if (
    state.lock.isMarked &&
    state.lock.owner === 'nobody' &&
    (isBeyondDoubt(state) || protocol.doubts === 'briefly')
  )
    yield { name: 'the mark is old enough', to: { ...state, lock: { owner: 'nobody', isMarked: false } } };
  if (state.left.lostRecords > 0 && state.record !== undefined) {
    const lost = spend({ ...state, record: undefined, recordBefore: undefined }, 'lostRecords');
    yield {
      name: 'the store loses the record',
      to: { ...lost, tokensLost: lost.tokensLost || (isLost(lost) && !isLost(state)) },
    };
  }
  for (const [index, pair] of state.strayRequests.entries()) {
    const left = { ...state, strayRequests: without(state.strayRequests, index) };
    if (state.polar[pair] === 'live' || state.polar[pair] === 'spent')
      yield {
        name: `Polar takes the request of a dead process with pair ${pair}`,
        to: { ...issue(left, pair), tokensLost: true },
      };
    yield { name: `the request of a dead process with pair ${pair} has no effect`, to: left };
  }
  for (const [index, tokens] of state.lateWrites.entries()) {
    const left = { ...state, lateWrites: without(state.lateWrites, index) };
    const isRefused = world.store === 'compare-and-set' && !isBehind(state.record, tokens);
    const to = isRefused ? left : withRecord(left, tokens);
    yield {
      name: `the late write takes effect: pair ${tokens.pair} (${tokens.generation})`,
      to: { ...to, tokensLost: to.tokensLost || (isLost(to) && !isLost(state)) },
    };
    yield { name: `the late write of pair ${tokens.pair} never takes effect`, to: left };
  }
}

/** Each expiry affects all existing pairs; between two of them at least one pair is new. */
function countExpiries(state: State): number {
  return state.expired === 0 ? 0 : state.expired === 1 ? 1 : 2;
}

const without = <T>(list: readonly T[], index: number): readonly T[] => list.filter((_, at) => at !== index);
