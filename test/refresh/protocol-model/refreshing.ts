import type { Step } from './model-checker.js';
import { finish, isGood, isToHeal, learn, readings, writing } from './reading.js';
import {
  holdsUnrecorded,
  isAhead,
  isExpired,
  isSame,
  none,
  type Pair,
  type Process,
  type Protocol,
  processAt,
  type State,
  spend,
  type World,
  withProcess,
} from './world.js';

type Steps = Iterable<Step<State>>;

/** How a process gets tokens that work, one step at a time. */
export function* refreshSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const name = (what: string): string => `process ${who} ${what}`;
  switch (process.refresh) {
    case 'no':
      yield* idleSteps(state, who, world, protocol);
      break;
    case 'writes lock': {
      const isTaken = { ...state, lock: { owner: who, isMarked: process.lock === 'marked' } };
      if (process.isSlow && protocol.dropsSlowLocks)
        yield {
          name: name('writes the lock too late, and takes it back'),
          to: {
            ...withProcess(isTaken, who, freeLock),
            lock: { owner: 'nobody', isMarked: state.lock.isMarked && process.lock === 'marked' },
          },
        };
      else yield { name: name('writes the lock'), to: withProcess(isTaken, who, { refresh: 'checks lock' }) };
      break;
    }
    case 'checks lock':
      // The pause outlasts all processes that have read the lock as free and are not slow.
      if (state.processes.some(({ isSlow, refresh }) => refresh === 'writes lock' && !isSlow)) break;
      yield state.lock.owner === who
        ? { name: name('is sure of the lock'), to: begin(state, who, protocol) }
        : { name: name('finds the lock taken'), to: withProcess(state, who, freeLock) };
      break;
    case 'reads':
      for (const rows of readings(state))
        yield { name: name(`reads ${rows.said}`), to: goOn(learn(rows, who, protocol), who, protocol) };
      break;
    case 'sent':
      yield* exchangeSteps(state, who, world, protocol);
      break;
    case 'rereads':
      for (const rows of readings(state))
        yield {
          name: name(`is refused, and reads ${rows.said}`),
          to: afterRefusal(learn(rows, who, protocol), who, world, protocol),
        };
      break;
    case 'waits':
      if (protocol.waitsBeforeBelieving && !isSettled(state, who, protocol)) break;
      for (const rows of readings(state, !protocol.waitsBeforeBelieving))
        yield {
          name: name(`looks at the lock, and reads ${rows.said}`),
          to: believe(learn(rows, who, protocol), who, protocol),
        };
      break;
    case 'records':
      // The writer continues from here, see recording.ts.
      break;
  }
}

const freeLock = { refresh: 'no', isSlow: false, lock: 'no' } as const;

function* idleSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const { doubts, isRejected, known, knowsEnd } = process;
  if (knowsEnd) return;
  for (const rows of readings(state)) {
    const learnt = learn(rows, who, protocol);
    const heals = protocol.heals && isToHeal(rows, process);
    const writer = heals ? writing(process.known, world, true) : {};
    if (learnt !== rows.state || heals)
      yield { name: `process ${who} looks again: ${rows.said}`, to: withProcess(learnt, who, writer) };
  }
  if (isRejected || !isExpired(state, known)) return;
  if (doubts === known.generation) yield* endOfDoubt(state, who, protocol);
  else if (world.lock === 'none') yield { name: `process ${who} refreshes`, to: begin(state, who, protocol) };
  else yield* lockSteps(state, who, world, protocol);
}

function* lockSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const { isMarked, owner } = state.lock;
  if (owner === 'nobody') {
    const lock = isMarked ? 'marked' : 'exclusive';
    if (world.store === 'read-check-set')
      yield {
        name: `process ${who} finds the lock free`,
        to: withProcess(state, who, { refresh: 'writes lock', lock }),
      };
    else
      yield {
        name: `process ${who} takes the lock`,
        to: begin({ ...withProcess(state, who, { lock }), lock: { owner: who, isMarked } }, who, protocol),
      };
  } else if (owner === 'ghost' || (owner !== who && processAt(state, owner).isStopped)) {
    const lock = protocol.marksOnTakeOver ? 'marked' : 'exclusive';
    const taken = {
      ...withProcess(state, who, { lock } as const),
      lock: { owner: who, isMarked: protocol.marksOnTakeOver },
    };
    yield { name: `process ${who} takes over the stale lock`, to: begin(taken, who, protocol) };
  }
}

function begin(state: State, who: number, protocol: Protocol): State {
  return protocol.readsBeforeSending ? withProcess(state, who, { refresh: 'reads' }) : send(state, who);
}

const send = (state: State, who: number): State =>
  withProcess(state, who, { refresh: 'sent', sent: processAt(state, who).known, response: 'none' });

/** After the rows are read: done, or on to Polar. */
function goOn(state: State, who: number, protocol: Protocol): State {
  const process = processAt(state, who);
  if (process.knowsEnd || isGood(state, process)) return finish(state, who, protocol);
  return send(state, who);
}

function* exchangeSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const { lock, response, sent } = process;
  const pair = sent?.pair ?? none;
  if (lock !== 'no' && state.lock.owner !== who && protocol.writesItselfBack)
    yield {
      name: `process ${who} writes itself back into the lock`,
      to: { ...withProcess(state, who, { lock: 'marked' }), lock: { owner: who, isMarked: true } },
    };
  if (protocol.listens === 'until the deadline' && (response === 'none' || typeof response === 'number'))
    yield { name: `process ${who} aborts its exchange`, to: finish(state, who, protocol) };
  switch (response) {
    case 'none':
      for (const [said, to] of polarResponses(state, who, pair, protocol))
        yield { name: `Polar responds to process ${who}, which sent pair ${pair}: ${said}`, to };
      break;
    case 'refused':
      yield { name: `process ${who} is refused`, to: withProcess(state, who, { refresh: 'rereads' }) };
      break;
    case 'error':
      yield { name: `process ${who} gets an error`, to: finish(state, who, protocol) };
      break;
    default:
      yield {
        name: `process ${who} receives pair ${response}`,
        to: receive(state, who, response, world, protocol),
      };
  }
}

function* polarResponses(
  state: State,
  who: number,
  pair: Pair,
  protocol: Protocol,
): Iterable<[string, State]> {
  const status = state.polar[pair];
  const respond = (response: Process['response'], from = state): State =>
    withProcess(from, who, { response });
  // A process that knows that the token is young sends it again after the commit.
  if (status === 'uncommitted' && protocol.knowsAge) return;
  if (status === 'live' || status === 'spent') {
    const issued = issue(state, pair);
    yield [`pair ${state.polar.length}`, respond(state.polar.length, issued)];
    if (state.left.losses > 0)
      yield [
        `pair ${state.polar.length}, which gets lost`,
        respond('error', { ...spend(issued, 'losses'), tokensLost: true }),
      ];
  }
  if (status === 'spent') yield ['500', respond('error')];
  if (status !== 'live') yield ['invalid_grant', respond('refused')];
}

/** Polar inserts a pair and marks the old one revoked; both are visible after its commit. */
export function issue(state: State, pair: Pair): State {
  const polar = state.polar.map((status, index) => (index === pair ? 'spent' : status));
  return { ...state, polar: [...polar, 'uncommitted'] };
}

function receive(state: State, who: number, pair: Pair, world: World, protocol: Protocol): State {
  const { known, sent } = processAt(state, who);
  if (sent === undefined || protocol.listens === 'without recording') return finish(state, who, protocol);
  const tokens = { generation: sent.generation + 1, pair, replaces: sent.pair };
  const received = withProcess(state, who, {
    known: isAhead(tokens, known) ? tokens : known,
    issued: pair,
    refresh: 'records',
    response: 'none',
    ...writing(tokens, world),
  });
  if (protocol.recordsBeforeRelease) return received;
  return withProcess(finish(received, who, protocol), who, { refresh: 'records' });
}

function afterRefusal(state: State, who: number, world: World, protocol: Protocol): State {
  const process = processAt(state, who);
  const { doubts, known, lock, sent, spare } = process;
  if (process.knowsEnd || !isSame(known, sent)) return goOn(state, who, protocol);
  if (spare?.generation === known.generation && spare.pair !== known.pair) {
    // It becomes the next generation, so that processes with the refused pair pick it up.
    const next = { generation: known.generation + 1, pair: spare.pair, replaces: none };
    return withProcess(state, who, {
      known: next,
      spare: undefined,
      refresh: 'records',
      response: 'none',
      ...writing(next, world),
    });
  }
  const isExclusive =
    protocol.believesAtOnce === 'always' ||
    (lock !== 'no' && protocol.believesAtOnce === 'however the lock came') ||
    (lock === 'exclusive' && doubts !== known.generation);
  if (isExclusive) return withProcess(state, who, { refresh: 'waits' });
  return finish(state, who, protocol, { doubts: known.generation });
}

/** Whether the other processes have had time to announce an open exchange and to record their tokens. */
function isSettled(state: State, who: number, protocol: Protocol): boolean {
  return state.processes.every(
    ({ isStopped, lock, refresh, writer }, other) =>
      other === who ||
      isStopped ||
      (writer === 'no' &&
        !(protocol.writesItselfBack && refresh === 'sent' && lock !== 'no' && state.lock.owner !== other)),
  );
}

function believe(state: State, who: number, protocol: Protocol): State {
  const process = processAt(state, who);
  const { known, lock, sent } = process;
  if (process.knowsEnd || !isSame(known, sent)) return goOn(state, who, protocol);
  const isOurs = state.lock.owner === who && !state.lock.isMarked && lock === 'exclusive';
  if (isOurs || protocol.believesAtOnce !== 'with the lock')
    return finish(state, who, protocol, { isRejected: true, doubts: none });
  return finish(state, who, protocol, { doubts: known.generation });
}

function* endOfDoubt(state: State, who: number, protocol: Protocol): Steps {
  if (!isBeyondDoubt(state) && protocol.doubts !== 'briefly') return;
  for (const rows of readings(state, false)) {
    const learnt = learn(rows, who, protocol);
    const isNoNews = learnt === rows.state;
    yield {
      name: `process ${who} doubts no longer: ${rows.said}`,
      to: isNoNews ? withProcess(learnt, who, { isRejected: true, doubts: none }) : learnt,
    };
  }
}

/** Whether no exchange can be open or about to start, and no tokens are unrecorded. */
export const isBeyondDoubt = (state: State): boolean =>
  state.processes.every((process) => process.refresh === 'no' && !holdsUnrecorded(process));
