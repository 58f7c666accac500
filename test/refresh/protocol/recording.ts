import type { Step } from './model-checker.js';
import { finish, knowsAge, said } from './refreshing.js';
import {
  type Generation,
  none,
  noWriter,
  type Process,
  type Protocol,
  processAt,
  type State,
  shared,
  type World,
  withProcess,
} from './world.js';

type Steps = Iterable<Step<State>>;

/** What a process does with tokens that it has received: write the record, then look whether somebody logged out. */
export function* recordSteps(state: State, who: number, world: World, protocol: Protocol): Steps {
  const { writer, writes, inBackground } = processAt(state, who);
  const isAtomic = world.store === 'compare-and-set' && protocol.tokensIn === 'record';
  const goOn = (to: Process['writer'], from = state): State => withProcess(from, who, { writer: to });
  const name = (what: string): string => `process ${who} ${what}`;
  // Who holds the lock meanwhile waits for the writer only as long as the store answers.
  const done = (from = state): State => {
    const over = withProcess(from, who, noWriter);
    return inBackground ? over : finish(over, who);
  };
  const lookForEnd = (from = state): State => {
    const looks =
      protocol.looksForEnd === 'after every write' ||
      (protocol.looksForEnd === 'in the foreground' && !inBackground);
    return looks && world.logouts > 0 ? goOn('looks for end', from) : done(from);
  };
  switch (writer) {
    case 'no':
      break;
    case 'checks':
      yield {
        name: name('checks that the record is older'),
        to: shared(state, protocol) >= writes ? lookForEnd() : goOn('writes'),
      };
      break;
    case 'writes': {
      const written = isAtomic ? putIfNewer(state, writes) : put(state, writes, protocol);
      yield {
        name: name(`writes the record: tokens ${writes}`),
        to: isAtomic ? lookForEnd(written) : goOn('checks again', written),
      };
      if (state.failuresLeft > 0) yield* failSteps(state, who, world);
      break;
    }
    case 'checks again':
      yield {
        name: name('checks that the record is as it wrote it, or newer'),
        to: shared(state, protocol) < writes ? goOn('writes') : lookForEnd(),
      };
      break;
    case 'looks for end':
      // A store that does not answer now is asked until it does.
      yield state.ended
        ? {
            name: name('finds that somebody has logged out'),
            to: withProcess(state, who, { writer: 'revokes', knowsEnd: true }),
          }
        : { name: name('finds nobody logged out'), to: done() };
      if (protocol.believesUnreadable === 'after recording' && state.failuresLeft > 0)
        yield {
          name: name('cannot look whether somebody has logged out, and goes on'),
          to: done({ ...state, failuresLeft: state.failuresLeft - 1 }),
        };
      break;
    case 'revokes':
      yield* revokeSteps(state, who, writes, protocol, done);
      break;
  }
}

function* failSteps(state: State, who: number, world: World): Steps {
  const { inBackground } = processAt(state, who);
  // The tokens are used in this process meanwhile; the writer goes on by itself.
  const background = withProcess(inBackground ? state : finish(state, who), who, {
    inBackground: true,
    writer: world.store === 'compare-and-set' ? 'writes' : 'checks',
  });
  const failed = { ...background, failuresLeft: state.failuresLeft - 1 };
  const { writes } = processAt(state, who);
  yield { name: `process ${who} cannot write the record`, to: failed };
  if (world.lateWrites) {
    const late = { ...failed, lateWrites: [...failed.lateWrites, writes].sort() };
    yield { name: `process ${who} cannot write the record, but the write is still under way`, to: late };
  }
}

/** What a person does who logs out, in one process: mark the end, then revoke the newest tokens there are. */
export function* logoutSteps(state: State, who: number, protocol: Protocol): Steps {
  const process = processAt(state, who);
  const name = (what: string): string => `process ${who} ${what}`;
  const looksFirst = protocol.logoutReads === 'before marking';
  const seen = Math.max(process.known, process.entry, shared(state, protocol));
  // It takes the lock where it can, but does not wait long for it. What happens with it can happen without it, too.
  switch (process.logout) {
    case 'no':
      if (state.logoutsLeft > 0 && process.entry !== none) {
        const started = withProcess(state, who, { logout: looksFirst ? 'looks first' : 'marks' });
        yield {
          name: name('starts to log out'),
          to: { ...started, logoutsLeft: state.logoutsLeft - 1 },
        };
      }
      break;
    case 'looks first':
      yield {
        name: name(`reads the record, logging out: ${said(shared(state, protocol))}`),
        to: withProcess(state, who, { logout: 'marks', revokes: seen }),
      };
      break;
    case 'marks':
      yield {
        name: name('marks the login as ended'),
        to: {
          ...withProcess(state, who, { logout: looksFirst ? 'revokes' : 'reads', knowsEnd: true }),
          ended: true,
          record: protocol.endHasOwnKey ? state.record : none,
        },
      };
      break;
    case 'reads':
      // A store that does not answer now is asked until it does.
      yield {
        name: name(`reads the record, logging out: ${said(shared(state, protocol))}`),
        to: withProcess(state, who, { logout: 'revokes', revokes: seen }),
      };
      if (protocol.believesUnreadable === 'logging out' && state.failuresLeft > 0) {
        const revokes = Math.max(process.known, process.entry);
        yield {
          name: name('cannot read the record, logging out, and goes on'),
          to: {
            ...withProcess(state, who, { logout: 'revokes', revokes }),
            failuresLeft: state.failuresLeft - 1,
          },
        };
      }
      break;
    case 'revokes':
      yield* revokeSteps(state, who, process.revokes, protocol, (from) => ({
        ...withProcess(from, who, { logout: 'no', revokes: none }),
        session: none,
      }));
      break;
  }
}

/** Asks Polar to revoke tokens, and again a moment later where it may not have found them yet. */
function* revokeSteps(
  state: State,
  who: number,
  tokens: Generation,
  protocol: Protocol,
  then: (from: State) => State,
): Steps {
  const name = `process ${who} revokes tokens ${tokens}`;
  const isFound = tokens === state.live && state.committed;
  const mayBeTooYoung = tokens === state.live && !state.committed;
  if (mayBeTooYoung && knowsAge(processAt(state, who), protocol)) {
    // Its second request comes when Polar has committed: nothing happens before.
  } else {
    yield {
      name: `${name}: ${isFound ? 'they are dead' : 'Polar knows none such'}`,
      to: then(isFound ? { ...state, live: none } : state),
    };
  }
  if (state.lossesLeft > 0) {
    const lost = { ...state, lossesLeft: state.lossesLeft - 1, endCutShort: true };
    yield { name: `${name}: Polar never hears of it`, to: then(lost) };
  }
}

/** In one step, in the store: only what is newer is written. */
export function putIfNewer(state: State, tokens: Generation): State {
  return tokens > state.record ? { ...state, record: tokens } : state;
}

/** Whatever is there. */
export function put(state: State, tokens: Generation, protocol: Protocol): State {
  return protocol.tokensIn === 'session' ? { ...state, session: tokens } : { ...state, record: tokens };
}
