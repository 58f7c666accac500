import type { Step } from './model-checker.js';
import { put, putIfNewer } from './recording.js';
import {
  type Generation,
  holdsUnrecorded,
  newProcess,
  none,
  noRefresh,
  noWriter,
  type Protocol,
  processAt,
  type State,
  type World,
  withProcess,
} from './world.js';

type Steps = Iterable<Step<State>>;

/** What happens to a process without its doing. */
export function* fateSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const { known, lock, refresh } = process;
  if (world.lock === 'leased' && lock === 'held')
    yield { name: `the lease of process ${who} expires`, to: withProcess(state, who, { lock: 'lost' }) };
  if (state.crashesLeft > 0 && (known !== none || refresh !== 'no' || process.logout !== 'no'))
    yield { name: `process ${who} dies, and a new one starts`, to: die(state, who, world) };
  if (state.lossesLeft > 0 && refresh === 'asks') yield* timeOutSteps(state, who);
  if (world.commitLag && refresh === 'no' && known === state.live && !process.knowsEnd)
    yield* tooEarlyCalls(state, who);
  if (!protocol.remembersUnrecorded && process.inBackground && refresh === 'no')
    yield {
      name: `process ${who} forgets what it knows, and what it still has to write`,
      to: withProcess(state, who, { known: none, ...noWriter }),
    };
  if (world.staleSessions) yield* sessionSteps(state, who);
}

function die(state: State, who: number, world: World): State {
  const process = processAt(state, who);
  const { answer, lock, logout, refresh, sent, writer } = process;
  return {
    ...withProcess(state, who, newProcess(world.staleSessions ? none : 0)),
    crashesLeft: state.crashesLeft - 1,
    lockOfDead: state.lockOfDead || lock === 'held',
    // What it has sent goes on its way.
    strayRequests:
      refresh === 'asks' && answer === 'none' ? [...state.strayRequests, sent].sort() : state.strayRequests,
    tokensLost: state.tokensLost || holdsUnrecorded(process),
    endCutShort: state.endCutShort || (state.ended && (logout !== 'no' || writer !== 'no')),
  };
}

/** Waiting for Polar takes too long, or the connection breaks. */
function* timeOutSteps(state: State, who: number): Steps {
  const { answer, sent } = processAt(state, who);
  const gaveUp = {
    ...withProcess(state, who, { ...noRefresh, refresh: 'doubts', sent, answer: 'error' }),
    lossesLeft: state.lossesLeft - 1,
  };
  if (answer === 'none') {
    // Of dead tokens a lost request is as good as the answer 500.
    if (sent !== state.live) return;
    yield { name: `the request of process ${who} gets lost`, to: gaveUp };
    const stray = { ...gaveUp, strayRequests: [...gaveUp.strayRequests, sent].sort() };
    yield { name: `process ${who} times out, its request still under way`, to: stray };
  } else {
    yield {
      name: `Polar's answer to process ${who} gets lost`,
      to: { ...gaveUp, tokensLost: true },
    };
  }
}

/** A call to the API so soon after the tokens were minted that Polar does not know them yet. */
function* tooEarlyCalls(state: State, who: number): Steps {
  const process = processAt(state, who);
  // Who minted them knows that they are that young, and tries them again.
  if (state.committed || process.mintedHere || process.unwanted === process.known) return;
  yield {
    name: `the API refuses tokens ${process.known} of process ${who}, minted a moment ago`,
    to: withProcess(state, who, { unwanted: process.known }),
  };
}

/** express-session: a request holds the session as it was when it began, and may write all of it back when it ends. */
function* sessionSteps(state: State, who: number): Steps {
  const { entry, logout, refresh } = processAt(state, who);
  if (entry === none && state.session !== none)
    yield {
      name: `process ${who} loads the session`,
      to: withProcess(state, who, { entry: state.session }),
    };
  if (entry === none || refresh !== 'no' || logout !== 'no') return;
  yield { name: `process ${who} is done with the session`, to: withProcess(state, who, { entry: none }) };
  if (entry !== state.session)
    yield { name: `process ${who} writes its old session back`, to: { ...state, session: entry } };
}

/** What happens between the processes and beyond them. */
export function* worldSteps(state: State, world: World, protocol: Protocol): Steps {
  const newest = Math.max(state.live, state.record);
  if (state.committed && state.expired < world.rounds && newest >= state.expired)
    yield { name: `tokens ${state.expired} expire`, to: { ...state, expired: state.expired + 1 } };
  if (!state.committed) yield { name: 'Polar commits', to: { ...state, committed: true } };
  if (state.lockOfDead)
    yield { name: 'the lock of the dead process is free again', to: { ...state, lockOfDead: false } };
  if (world.forgetfulStore && state.record !== none)
    yield { name: 'the store forgets the record', to: { ...state, record: none } };
  for (const [index, token] of state.strayRequests.entries()) {
    const left = { ...state, strayRequests: without(state.strayRequests, index) };
    if (token === state.live && state.committed)
      yield {
        name: `Polar takes the late request with tokens ${token}; nobody hears the answer`,
        to: { ...left, live: token + 1, tokensLost: true },
      };
    yield { name: `the late request with tokens ${token} has no effect`, to: left };
  }
  for (const [index, tokens] of state.lateWrites.entries()) {
    const left = { ...state, lateWrites: without(state.lateWrites, index) };
    yield {
      name: `the late write takes effect: tokens ${tokens}`,
      to: world.store === 'compare-and-set' ? putIfNewer(left, tokens) : put(left, tokens, protocol),
    };
    yield { name: `the late write of tokens ${tokens} never takes effect`, to: left };
  }
}

const without = (list: readonly Generation[], index: number): readonly Generation[] =>
  list.filter((_, at) => at !== index);
