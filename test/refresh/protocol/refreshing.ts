import type { Step } from './model-checker.js';
import {
  type Generation,
  holdsUnrecorded,
  none,
  noRefresh,
  noWriter,
  type Process,
  type Protocol,
  processAt,
  type State,
  shared,
  unread,
  unreadable,
  type World,
  withProcess,
} from './world.js';

type Steps = Iterable<Step<State>>;

/** What a process does to have tokens that work, one step at a time. */
export function* refreshSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const name = (what: string): string => `process ${who} ${what}`;
  switch (process.refresh) {
    case 'no':
      yield* startSteps(state, who, world, protocol);
      break;
    case 'wants lock':
      if (isLockFree(state))
        yield { name: name('takes the lock'), to: begin(state, who, world, protocol, { lock: 'held' }) };
      if (world.lock === 'leased')
        yield { name: name('goes on without the lock'), to: begin(state, who, world, protocol) };
      break;
    case 'reads':
      yield* readSteps(state, who, world, protocol);
      break;
    case 'asks':
      yield* answerSteps(state, who, world, protocol);
      break;
    case 'doubts':
      if (isWaitOver(state, protocol))
        yield { name: name('looks for the last time'), to: read(state, who, world, { isLastLook: true }) };
      // Looks in between that find nothing change nothing.
      else if (state.ended || shared(state, protocol) > process.sent)
        yield { name: name('looks again'), to: read(state, who, world) };
      break;
    case 'records':
      // The writer goes on with this one, see recording.ts.
      break;
  }
}

function* startSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const { entry, known, knowsEnd } = process;
  if (knowsEnd || entry === none) return;
  // Valid tokens that it knows are used without a look at anything.
  if (known !== none && isGood(state, process, known)) return;
  if (known === none && isGood(state, process, entry)) {
    const look = read(state, who, world, { isFirstLook: true });
    yield {
      name: `process ${who} looks for the record for the first time`,
      to: protocol.firstLookSeesEnd ? look : withProcess(look, who, { sawEnd: 'not asked' }),
    };
  } else if (world.lock === 'none') {
    yield { name: `process ${who} starts a refresh`, to: begin(state, who, world, protocol) };
  } else {
    yield {
      name: `process ${who} wants the lock`,
      to: withProcess(state, who, { refresh: 'wants lock' }),
    };
  }
}

const isLockFree = (state: State): boolean =>
  !state.lockOfDead && state.processes.every(({ lock }) => lock !== 'held');

/** The lock is there, or there is none: the refresh proper. */
function begin(
  state: State,
  who: number,
  world: World,
  protocol: Protocol,
  change: Partial<Process> = {},
): State {
  const { entry, known } = processAt(state, who);
  if (protocol.readsBeforeSending) return read(state, who, world, change);
  return ask(withProcess(state, who, change), who, Math.max(known, entry), world, change);
}

function read(state: State, who: number, world: World, change: Partial<Process> = {}): State {
  // Where nobody logs out, looking whether somebody has would only make more states.
  const sawEnd = world.logouts > 0 ? 'unread' : 'not asked';
  return withProcess(state, who, { refresh: 'reads', sawEnd, sawRecord: unread, ...change });
}

/** The mark of the end and the record are read side by side: either may come first. */
function* readSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const { sawEnd, sawRecord } = processAt(state, who);
  const after = (change: Partial<Process>, failuresLeft = state.failuresLeft): State => {
    const read = { ...withProcess(state, who, change), failuresLeft };
    const { sawEnd, sawRecord } = processAt(read, who);
    return sawEnd === 'unread' || sawRecord === unread ? read : decide(read, who, world, protocol);
  };
  const fails = state.failuresLeft - 1;
  if (sawEnd === 'unread') {
    const found = state.ended ? 'yes' : 'no';
    yield { name: `process ${who} looks for the end: ${found}`, to: after({ sawEnd: found }) };
    if (fails >= 0)
      yield { name: `process ${who} cannot read the end`, to: after({ sawEnd: 'unreadable' }, fails) };
  }
  if (sawRecord === unread) {
    const found = shared(state, protocol);
    yield { name: `process ${who} reads the record: ${said(found)}`, to: after({ sawRecord: found }) };
    if (fails >= 0)
      yield { name: `process ${who} cannot read the record`, to: after({ sawRecord: unreadable }, fails) };
  }
}

/** Both have been read: what now? */
function decide(state: State, who: number, world: World, protocol: Protocol): State {
  const process = processAt(state, who);
  const { sawEnd, sawRecord, known, entry, sent, isFirstLook } = process;
  if (sawEnd === 'yes' || process.knowsEnd) return finish(state, who, { knowsEnd: true });

  // Tokens whose end could not be looked for are not taken over.
  const couldRead = sawEnd !== 'unreadable' && sawRecord !== unreadable;
  const found = couldRead ? sawRecord : none;
  const newest = protocol.newestWins || !couldRead ? Math.max(known, entry, found) : Math.max(entry, found);
  const next = newest === known ? state : withProcess(state, who, { known: newest, mintedHere: false });
  if (isFirstLook) {
    // With a store that does not answer it has not looked: it will look again.
    return finish(couldRead ? next : state, who);
  }
  if (sent === none || newest > sent) {
    const canBeUsed = isGood(next, process, newest) || newest === process.rejected;
    return canBeUsed ? finish(next, who) : ask(next, who, newest, world);
  }
  return nothingNewer(state, who, world, protocol);
}

/** Polar refused, and neither record nor mark says why. */
function nothingNewer(state: State, who: number, world: World, protocol: Protocol): State {
  const process = processAt(state, who);
  const { isLastLook, answer, sawEnd, sawRecord, sent } = process;
  if (!isLastLook) return withProcess(state, who, { refresh: 'doubts', sawEnd: 'unread', sawRecord: unread });
  const couldRead = sawEnd !== 'unreadable' && sawRecord !== unreadable;
  if (!couldRead && protocol.believesUnreadable !== 'at the last look') return finish(state, who);
  // An error: tokens are kept, the next one who asks tries again.
  if (answer === 'error') return finish(state, who);
  // By now Polar has committed what it may not have found at first.
  if (world.commitLag && knowsAge(process, protocol) && !process.askedTwice)
    return ask(state, who, sent, world, { askedTwice: true });
  return finish(state, who, { rejected: sent });
}

/** Sends a refresh token to Polar. */
function ask(
  state: State,
  who: number,
  token: Generation,
  world: World,
  change: Partial<Process> = {},
): State {
  const { asked } = processAt(state, who);
  const times = asked.generation === token ? asked.times + 1 : 1;
  return withProcess(state, who, {
    ...noRefresh,
    refresh: 'asks',
    sent: token,
    asked: world.counted ? { generation: token, times: Math.min(times, 2) } : asked,
    ...change,
  });
}

function* answerSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const { answer, sent } = processAt(state, who);
  if (answer === 'none') {
    for (const [said, to] of polarAnswers(state, who, world, protocol))
      yield { name: `Polar answers process ${who}, which sent tokens ${sent}: ${said}`, to };
  } else {
    yield { name: `process ${who} receives tokens ${sent + 1}`, to: receive(state, who, world, protocol) };
  }
}

/** Polar takes one request at a time; from the answer on, the old tokens are dead. */
function* polarAnswers(
  state: State,
  who: number,
  world: World,
  protocol: Protocol,
): Iterable<[string, State]> {
  const { sent } = processAt(state, who);
  if (sent === state.live && state.committed) {
    const granted = { ...state, live: sent + 1, committed: !world.commitLag };
    yield ['new ones', withProcess(counted(granted, world, sent), who, { answer: 'tokens' })];
    return;
  }
  // When a refusal arrives makes no difference to anybody else: it is there at once.
  const asked = counted(state, world, sent);
  const refused =
    protocol.doubts === 'never'
      ? finish(asked, who, { rejected: sent })
      : withProcess(asked, who, { refresh: 'doubts', answer: 'invalid_grant' });
  yield ['invalid_grant', refused];
  // So may the loser of a race be told.
  yield ['500', withProcess(asked, who, { refresh: 'doubts', answer: 'error' })];
}

function counted(state: State, world: World, token: Generation): State {
  if (!world.counted) return state;
  const requests = Array.from({ length: world.rounds }, (_, generation) =>
    Math.min((state.requests[generation] ?? 0) + (generation === token ? 1 : 0), 2),
  );
  return { ...state, requests };
}

/** Its tokens at last: known at once, and to be recorded before anything else. */
function receive(state: State, who: number, world: World, protocol: Protocol): State {
  const { lock, sent } = processAt(state, who);
  return withProcess(state, who, {
    ...noRefresh,
    known: sent + 1,
    // Of no account where Polar commits before it answers.
    mintedHere: world.commitLag,
    refresh: 'records',
    ...noWriter,
    writer: world.store === 'compare-and-set' ? 'writes' : 'checks',
    writes: sent + 1,
    lock: protocol.recordsBeforeRelease ? lock : 'no',
  });
}

/** The refresh is over, well or not; the lock is released. */
export function finish(state: State, who: number, news: Partial<Process> = {}): State {
  return withProcess(state, who, { ...noRefresh, lock: 'no', ...news });
}

/** Whether a process would use these tokens. */
function isGood(state: State, process: Process, tokens: Generation): boolean {
  return tokens >= state.expired && tokens !== process.rejected && tokens !== process.unwanted;
}

/** Whether the time in which another process could still write its record, and Polar commit, is over. */
function isWaitOver(state: State, protocol: Protocol): boolean {
  const isWaitedFor = (process: Process): boolean =>
    holdsUnrecorded(process) && !(protocol.doubts === 'within bounds' && process.inBackground);
  return state.committed && !state.processes.some(isWaitedFor);
}

/** Whether this process knows that the tokens are young enough to be tried again. */
export function knowsAge(process: Process, protocol: Protocol): boolean {
  return protocol.ageKnownTo === 'everybody' || process.mintedHere;
}

export const said = (tokens: Generation): string => (tokens === none ? 'none' : `tokens ${tokens}`);
