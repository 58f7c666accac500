// What a process does before it asks Polar for tokens, and what it makes of a 429. Times are milliseconds.
//
// A policy creates the pacer of a process; the pacers of one address may share what `shared` holds.
// `ask` says whether a request is sent now, or in some time that is kept for it, or the caller gets an error.

const minute = 60_000;

/**
 * @typedef {'login' | 'refresh' | 'introspection'} Kind
 * @typedef {{ sendInMs: number } | { refuseForMs: number }} Verdict
 *
 * @typedef {object} Pacer
 * @property {(kind: Kind, now: number, person?: number) => Verdict} ask
 * @property {(kind: Kind, now: number, sentAt: number) => void} accepted
 * @property {(kind: Kind, now: number, retryAfterMs: number) => void} refused
 *
 * @typedef {object} Place
 * @property {number} limit requests that Polar accepts a minute from one address
 * @property {number} processes at this address
 * @property {Record<string, any>} shared by the processes of this address
 *
 * @typedef {(place: Place) => Pacer} Policy
 */

const send = { sendInMs: 0 };

/** A circuit breaker of each process, for refreshes and for introspections, open as long as Polar asks. */
class Breakers {
  /** @type {Record<Kind, number>} */
  openUntil = { login: 0, refresh: 0, introspection: 0 };

  verdict(/** @type {Kind} */ kind, /** @type {number} */ now) {
    const leftMs = kind === 'login' ? 0 : this.openUntil[kind] - now;
    return leftMs > 0 ? { refuseForMs: leftMs } : send;
  }

  open(/** @type {Kind} */ kind, /** @type {number} */ until) {
    this.openUntil[kind] = until;
  }
}

/** What the package does: the breakers alone. */
/** @type {Policy} */
export const breakersAlone = () => {
  const breakers = new Breakers();
  return {
    ask: (kind, now) => breakers.verdict(kind, now),
    accepted() {},
    refused: (kind, now, retryAfterMs) => breakers.open(kind, now + retryAfterMs),
  };
};

/**
 * A count of the requests of the last minute, as Polar has it, so that nothing is sent that Polar would refuse.
 *
 * @param {object} options
 * @param {boolean} options.isShared one count for all processes, or one for each, with its share of the limit
 * @param {boolean} [options.loginsFirst] refreshes leave a tenth to logins, introspections a fifth
 * @param {boolean} [options.honest] each caller beyond the limit is told a time of its own
 * @param {number} [options.patienceMs] callers wait so long for the next window
 * @returns {Policy}
 */
export const windowBudget =
  ({ isShared, loginsFirst = false, honest = false, patienceMs = 0 }) =>
  ({ limit, processes, shared }) => {
    const breakers = new Breakers();
    const own = isShared ? shared : {};
    own.sent ??= [];
    own.promised ??= 0;
    const share = isShared ? limit : Math.floor(limit / processes);
    // Requests travel for different times, so that Polar's window may be a little out of step.
    const windowMs = minute + 500;
    const most = {
      login: share,
      refresh: loginsFirst ? Math.floor(share * 0.9) : share,
      introspection: loginsFirst ? Math.floor(share * 0.8) : share,
    };
    return {
      ask(kind, now) {
        const open = breakers.verdict(kind, now);
        if (!('sendInMs' in open)) return open;
        while (own.sent.length > 0 && own.sent[0] <= now - windowMs) own.sent.shift();
        if (own.sent.length < most[kind]) {
          own.sent.push(now);
          return send;
        }
        // The oldest request beyond this kind's part leaves the window then.
        const freeAt = own.sent[own.sent.length - most[kind]] + windowMs;
        if (freeAt - now <= patienceMs) {
          insert(own.sent, freeAt);
          return { sendInMs: freeAt - now };
        }
        if (!honest) return { refuseForMs: freeAt - now };
        own.promised = Math.max(own.promised, freeAt) + minute / most[kind];
        return { refuseForMs: own.promised - now };
      },
      accepted() {},
      refused: (kind, now, retryAfterMs) => breakers.open(kind, now + retryAfterMs),
    };
  };

/**
 * Requests at an even pace just below the limit; callers wait for their turn, or are told when it would be.
 *
 * @param {{ patienceMs: number }} options
 * @returns {Policy}
 */
export const tokenBucket =
  ({ patienceMs }) =>
  ({ limit, shared }) => {
    const gapMs = minute / (limit * 0.98);
    shared.next ??= 0;
    return {
      ask(_kind, now) {
        const turn = Math.max(shared.next, now);
        if (turn - now > patienceMs) return { refuseForMs: turn - now };
        shared.next = turn + gapMs;
        return { sendInMs: turn - now };
      },
      accepted() {},
      refused() {},
    };
  };

function insert(/** @type {number[]} */ sorted, /** @type {number} */ value) {
  let index = sorted.length;
  while (index > 0 && sorted[index - 1] > value) index -= 1;
  sorted.splice(index, 0, value);
}

/**
 * What was built and taken back: nothing is held back until Polar refuses a request. From then on a process
 * stops by itself, each minute, after nine tenths of the refreshes that Polar accepted from it in the minute before the refusal.
 * A process from which Polar has accepted fewer than 30 goes on with its breaker alone. Logins are always sent, and find the rest. Each caller beyond that is told a time of its own.
 *
 * @type {Policy}
 */
export const quotaAfterRefusal = () => {
  const breakers = new Breakers();
  const windowMs = minute + 1000;
  /** @type {number[]} */
  let lately = [];
  let quota = Number.POSITIVE_INFINITY;
  let begunAt = 0;
  let opensAt = 0;
  let sent = 0;
  let isExceeded = false;
  let lastTurn = 0;
  /** @type {Map<number, number>} */
  const turns = new Map();
  return {
    ask(kind, now, person = -1) {
      if (kind === 'introspection') return breakers.verdict(kind, now);
      if (kind === 'login' || quota === Number.POSITIVE_INFINITY) return breakers.verdict(kind, now);
      if (now >= opensAt) {
        if (!isExceeded || now - begunAt >= 10 * minute) quota = Number.POSITIVE_INFINITY;
        opensAt = now + windowMs;
        sent = 0;
        isExceeded = false;
      }
      if (sent < quota) {
        sent += 1;
        return send;
      }
      isExceeded = true;
      let turn = turns.get(person) ?? 0;
      if (turn < opensAt) {
        turn = lastTurn = Math.max(opensAt, lastTurn + windowMs / quota);
        turns.set(person, turn);
      }
      return { refuseForMs: turn - now };
    },
    accepted(kind, now) {
      if (kind === 'refresh') lately.push(now);
    },
    refused(kind, now, retryAfterMs) {
      breakers.open(kind, now + retryAfterMs);
      if (kind !== 'refresh' || (sent === Number.POSITIVE_INFINITY && now < opensAt)) return;
      lately = lately.filter((at) => at > now - minute);
      if (lately.length < 30) return;
      quota = Math.floor(lately.length * 0.9);
      begunAt = now;
      opensAt = now + retryAfterMs;
      sent = Number.POSITIVE_INFINITY;
      isExceeded = true;
      lastTurn = 0;
      turns.clear();
    },
  };
};

/**
 * The breakers, but each caller is told a time of its own: the end of the pause, and so much later as Polar needs for those before it.
 *
 * @returns {Policy}
 */
export const spread = () => () => {
  const breakers = new Breakers();
  /** @type {number[]} */
  let lately = [];
  let gapMs = 0;
  let promised = 0;
  return {
    ask(kind, now) {
      const verdict = breakers.verdict(kind, now);
      if (kind !== 'refresh' || !('refuseForMs' in verdict)) return verdict;
      promised = Math.max(promised, breakers.openUntil.refresh) + gapMs;
      return { refuseForMs: promised - now };
    },
    accepted(kind, now) {
      if (kind === 'refresh') lately.push(now);
      if (lately.length > 2000) lately = lately.filter((at) => at > now - minute);
    },
    refused(kind, now, retryAfterMs) {
      if (kind === 'refresh' && now >= breakers.openUntil.refresh) {
        lately = lately.filter((at) => at > now - minute);
        gapMs = minute / Math.max(1, lately.length);
      }
      breakers.open(kind, now + retryAfterMs);
    },
  };
};
