import type { Step } from './model-checker.js';
import { finish, learn, type Rows, readings, toRevoke, writing } from './reading.js';
import {
  isAhead,
  isSame,
  noWriter,
  type Process,
  type Protocol,
  processAt,
  type State,
  spend,
  type Tokens,
  type World,
  withProcess,
  withRecord,
} from './world.js';

type Steps = Iterable<Step<State>>;

/** How a process records tokens that it has received: it writes the record, then looks for a logout. */
export function* recordSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const { writer, writes } = process;
  if (writes === undefined) return;
  const name = (what: string): string => `process ${who} ${what}`;
  const to = (next: Process['writer'], from = state): State => withProcess(from, who, { writer: next });
  switch (writer) {
    case 'no':
      break;
    case 'checks':
      yield {
        name: name('checks that the record is older'),
        to: isBehind(state.record, writes) ? to('writes') : to('looks'),
      };
      if (state.left.failures > 0) yield* failSteps(state, who, world, protocol);
      break;
    case 'writes': {
      const canWrite = world.store === 'read-check-set' || isBehind(state.record, writes);
      yield {
        name: name(`records pair ${writes.pair} (${writes.generation})`),
        to: to('looks', canWrite ? withRecord(state, writes) : state),
      };
      if (state.left.failures > 0) yield* failSteps(state, who, world, protocol);
      break;
    }
    case 'looks':
      for (const rows of readings(state))
        yield {
          name: name(`has recorded, and reads ${rows.said}`),
          to: afterRecording(state, rows, who, protocol, world),
        };
      break;
  }
}

/** Only an older record is replaced; within a generation the first one stays. */
export const isBehind = (record: Tokens | undefined, tokens: Tokens): boolean =>
  record === undefined || isAhead(tokens, record) || isSame(tokens, record);

function afterRecording(before: State, rows: Rows, who: number, protocol: Protocol, world: World): State {
  const { inBackground, issued, knowsEnd, writes } = processAt(before, who);
  const looks =
    protocol.looksForEnd === 'after every write' ||
    (protocol.looksForEnd === 'in the foreground' && !inBackground);
  const shown = looks ? rows : { ...rows, tombstone: false };
  const over = (state: State): State =>
    inBackground ? withProcess(state, who, noWriter) : finish(state, who, protocol, noWriter);
  if (writes === undefined) return over(before);
  const learnt = afterTie(learn(shown, who, protocol), shown, who, writes, protocol);
  const after = processAt(learnt, who);
  // There has been a logout meanwhile, perhaps in this process.
  if ((shown.tombstone || knowsEnd) && writes.pair === issued)
    return over(withProcess(learnt, who, { knowsEnd: true, ...toRevoke(after, [writes.pair]) }));
  const isMissed = protocol.heals && isAhead(writes, rows.record) && isSame(after.known, writes);
  // The write is not visible yet, or has been overwritten.
  return isMissed ? withProcess(over(learnt), who, writing(writes, world, true)) : over(learnt);
}

/** A pair that was not recorded, since another one of its generation was, and that this process does not use. */
function afterTie(
  state: State,
  { record, tombstone }: Rows,
  who: number,
  writes: Tokens,
  protocol: Protocol,
): State {
  const process = processAt(state, who);
  const isKnown = process.known.pair === writes.pair || process.spare?.pair === writes.pair;
  if (tombstone || process.knowsEnd || isKnown || record === undefined) return state;
  if (protocol.losers === 'forget theirs') return state;
  const isTie = record.generation === writes.generation && protocol.losers === 'keep a spare';
  return withProcess(state, who, isTie ? { spare: writes } : toRevoke(process, [writes.pair]));
}

function* failSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const { inBackground, writer, writes } = processAt(state, who);
  if (writes === undefined) return;
  // This process uses the tokens meanwhile; the writer continues in the background.
  const background = inBackground ? state : finish(state, who, protocol, {}, true);
  const failed = spend(withProcess(background, who, writing(writes, world, true)), 'failures');
  yield { name: `process ${who} cannot record pair ${writes.pair}`, to: failed };
  if (world.lateWrites && writer === 'writes')
    yield {
      name: `process ${who} cannot record pair ${writes.pair}, but the write is under way`,
      to: { ...failed, lateWrites: [...failed.lateWrites, writes] },
    };
}

/** A logout in one process: first the tombstone, then the newest tokens. */
export function* logoutSteps(state: State, who: number, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const { known, spare } = process;
  const name = (what: string): string => `process ${who} ${what}`;
  const readsFirst = protocol.logoutReads === 'before the tombstone';
  switch (process.logout) {
    case 'no':
      if (state.left.logouts > 0 && !process.knowsEnd)
        yield {
          name: name('starts to log out'),
          to: spend(
            withProcess(state, who, { logout: readsFirst ? 'reads first' : 'writes tombstone' }),
            'logouts',
          ),
        };
      break;
    case 'reads first':
      yield {
        name: name('reads the record, logging out'),
        to: withProcess(state, who, {
          logout: 'writes tombstone',
          ...newestTo(state, process, state.record),
        }),
      };
      break;
    case 'writes tombstone': {
      const ended = { ...state, tombstone: true, tombstoneBefore: state.tombstone };
      const left = spare === undefined ? [] : [spare.pair];
      yield {
        name: name('writes the tombstone'),
        to: withProcess(ended, who, {
          knowsEnd: true,
          spare: undefined,
          ...toRevoke(process, left),
          logout: readsFirst ? 'no' : 'reads',
        }),
      };
      break;
    }
    case 'reads':
      for (const { record, said, state: after } of readings(state))
        yield {
          name: name(`reads ${said}, logging out`),
          to: withProcess(after, who, { logout: 'no', ...newestTo(after, process, record) }),
        };
      break;
  }

  /** The newest pair, or both after a tie. */
  function newestTo(_state: State, of: Process, record: Tokens | undefined): Pick<Process, 'revokes'> {
    if (record === undefined || isAhead(known, record)) return toRevoke(of, [known.pair]);
    return toRevoke(of, isAhead(record, known) ? [record.pair] : [record.pair, known.pair]);
  }
}

/** Asks Polar to revoke pairs, and asks again a moment later for those that it may not have committed yet. */
export function* revokeSteps(state: State, who: number, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const [pair] = process.revokes;
  if (pair === undefined) return;
  const status = state.polar[pair];
  if (status === 'uncommitted' && protocol.knowsAge) return;
  const polar = state.polar.map((each, index) => (index === pair && each === 'live' ? 'dead' : each));
  yield {
    name: `process ${who} revokes pair ${pair}`,
    to: withProcess({ ...state, polar }, who, { revokes: process.revokes.slice(1) }),
  };
}
