import {
  isAhead,
  isExpired,
  isSame,
  noRefresh,
  type Pair,
  type Process,
  type Protocol,
  processAt,
  type State,
  spend,
  type Tokens,
  type World,
  withProcess,
} from './world.js';

/** The rows as a read shows them: current, or as they were before the last write. */
export interface Rows {
  readonly said: string;
  readonly state: State;
  readonly record: Tokens | undefined;
  readonly tombstone: boolean;
}

/** What a read of record and tombstone may show. */
export function* readings(state: State, canLag = true): Iterable<Rows> {
  const { record, recordBefore, tombstone, tombstoneBefore } = state;
  const name = (tokens: Tokens | undefined, ended: boolean): string =>
    `${ended ? 'a tombstone' : 'no tombstone'} and ${tokens === undefined ? 'no record' : `pair ${tokens.pair} (${tokens.generation})`}`;
  yield { said: name(record, tombstone), state, record, tombstone };
  if (!canLag || state.left.lags === 0) return;
  const late = spend(state, 'lags');
  if (!isSame(record, recordBefore))
    yield { said: `${name(recordBefore, tombstone)}, late`, state: late, record: recordBefore, tombstone };
  if (tombstone !== tombstoneBefore)
    yield { said: `${name(record, tombstoneBefore)}, late`, state: late, record, tombstone: tombstoneBefore };
}

/** What a process knows after it has read the rows. */
export function learn({ record, state, tombstone }: Rows, who: number, protocol: Protocol): State {
  const process = processAt(state, who);
  const { issued, known, spare } = process;
  if (tombstone && !process.knowsEnd) {
    const isOwn = known.pair === issued && protocol.revokesWhenTheEndShows && process.writer === 'no';
    const left = [...(isOwn ? [known.pair] : []), ...(spare === undefined ? [] : [spare.pair])];
    return withProcess(state, who, { knowsEnd: true, spare: undefined, ...toRevoke(process, left) });
  }
  if (record === undefined || process.knowsEnd || isSame(record, known)) return state;
  if (isAhead(record, known)) return supersede(state, who, record, protocol);
  if (record.generation === known.generation) {
    const isOwn = known.pair === issued;
    const change: Partial<Process> = { known: record, isRejected: false };
    if (!isOwn || protocol.losers === 'forget theirs') return withProcess(state, who, change);
    if (protocol.losers === 'revoke at once')
      return withProcess(state, who, { ...change, ...toRevoke(process, [known.pair]) });
    return withProcess(state, who, { ...change, spare: known });
  }
  return protocol.newestWins ? state : withProcess(state, who, { known: record });
}

/** A later generation is recorded: this process no longer needs its older pairs. */
function supersede(state: State, who: number, record: Tokens, protocol: Protocol): State {
  const process = processAt(state, who);
  const { issued, known, spare } = process;
  const isNext = record.generation === known.generation + 1;
  const isOrphan = isNext ? record.replaces !== known.pair && record.replaces >= 0 : known.pair === issued;
  const left = [
    ...(isOrphan && protocol.revokesWhatNobodyReplaced ? [known.pair] : []),
    ...(spare === undefined || spare.pair === record.pair ? [] : [spare.pair]),
  ].filter((pair) => pair !== record.pair);
  return withProcess(state, who, {
    known: record,
    isRejected: false,
    spare: undefined,
    ...toRevoke(process, left),
  });
}

export const toRevoke = ({ revokes }: Process, pairs: readonly Pair[]): Pick<Process, 'revokes'> => ({
  revokes: [...new Set([...revokes, ...pairs])].sort(),
});

/** Whether the store is behind this process, which then has to write the record again. */
export function isToHeal({ record }: Rows, { isRejected, known, knowsEnd, writer }: Process): boolean {
  return !knowsEnd && !isRejected && writer === 'no' && known.generation > 0 && isAhead(known, record);
}

/** Ends the refresh, successful or not, and releases the lock. */
export function finish(
  state: State,
  who: number,
  protocol: Protocol,
  change: Partial<Process> = {},
  leavesDoubt = false,
): State {
  const { lock } = processAt(state, who);
  const over = withProcess(state, who, { ...noRefresh, ...change });
  if (lock === 'no' || state.lock.owner !== who) return over;
  const isMarked =
    ((lock === 'marked' || state.lock.isMarked) && protocol.carriesMarks) ||
    (leavesDoubt && protocol.marksUnrecorded);
  return { ...over, lock: { owner: 'nobody', isMarked } };
}

export const isGood = (state: State, { isRejected, known }: Process): boolean =>
  !isRejected && !isExpired(state, known);

/** Starts a writer. */
export const writing = (
  writes: Tokens,
  { store }: World,
  inBackground = false,
): Pick<Process, 'writer' | 'writes' | 'inBackground'> => ({
  writer: store === 'compare-and-set' ? 'writes' : 'checks',
  writes,
  inBackground,
});

/** Whether no process has anything to learn or to do about the rows. */
export function haveAllLooked(state: State, protocol: Protocol): boolean {
  return state.processes.every((process, who) => {
    for (const rows of readings(state, false))
      if (learn(rows, who, protocol) !== state || (protocol.heals && isToHeal(rows, process))) return false;
    return state.tombstone || process.spare === undefined;
  });
}
