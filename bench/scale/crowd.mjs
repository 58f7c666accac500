// A simulation of people whose tokens have expired, the processes that they reach, and Polar's limit. Times are milliseconds.
import { EventQueue } from './event-queue.mjs';
import { seededRandom } from './random.mjs';

const minute = 60_000;
const halfTripMs = 25;

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {number} [people] who come back within the first minute
 * @property {number} [perMinute] who come all the time
 * @property {number} minutes
 * @property {'obeys' | 'reloads'} patience after an error a person comes again when told, or about every ten seconds
 * @property {number} [loginsPerMinute]
 * @property {number} [introspectionsPerMinute]
 *
 * @typedef {object} Site
 * @property {number} processes
 * @property {number} [addresses]
 * @property {number} [limit] requests that Polar accepts a minute from one address
 * @property {import('./policies.mjs').Policy} policy
 */

/** Polar's count: a minute begins with the first request, refused requests do not count, and a 429 names the whole minute. */
class PolarLimit {
  #limit;
  #endsAt = 0;
  #left = 0;

  constructor(/** @type {number} */ limit) {
    this.#limit = limit;
  }

  accepts(/** @type {number} */ now) {
    if (now >= this.#endsAt) {
      this.#endsAt = now + minute;
      this.#left = this.#limit;
    }
    if (this.#left === 0) return false;
    this.#left -= 1;
    return true;
  }
}

/**
 * @param {Scenario} scenario
 * @param {Site} site
 * @param {number} [seed]
 */
export function simulate(scenario, { processes, addresses = 1, limit = 500, policy }, seed = 1) {
  const random = seededRandom(seed);
  const queue = new EventQueue();
  const places = Array.from({ length: addresses }, (_, index) => ({
    limit,
    processes: Math.floor((processes + addresses - 1 - index) / addresses),
    shared: {},
    polar: new PolarLimit(limit),
  }));
  const all = Array.from({ length: processes }, (_, index) => {
    const place = places[index % addresses];
    return { pacer: policy(place), polar: place.polar };
  });
  const people = {
    through: 0,
    withError: 0,
    errors: 0,
    waits: /** @type {number[]} */ ([]),
    perMinute: /** @type {number[]} */ ([]),
  };
  const logins = { all: 0, failed: 0 };
  const introspections = { all: 0, failed: 0 };
  let refused429 = 0;
  let arrived = 0;
  const delay = (/** @type {number} */ ms, /** @type {() => void} */ run) => queue.add(queue.now + ms, run);

  /**
   * @param {import('./policies.mjs').Kind} kind
   * @param {() => void} onDone
   * @param {(retryAfterSeconds: number) => void} onError
   * @param {number} [person]
   */
  function request(kind, onDone, onError, person = -1) {
    const { pacer, polar } = all[Math.floor(random() * processes)];
    const verdict = pacer.ask(kind, queue.now, person);
    if ('refuseForMs' in verdict) return onError(Math.ceil(verdict.refuseForMs / 1000));
    delay(verdict.sendInMs, () => {
      const sentAt = queue.now;
      delay(halfTripMs * (0.5 + random()), () => {
        const isAccepted = polar.accepts(queue.now);
        if (!isAccepted) refused429 += 1;
        delay(halfTripMs * (0.5 + random()), () => {
          if (isAccepted) {
            pacer.accepted(kind, queue.now, sentAt);
            onDone();
          } else {
            pacer.refused(kind, queue.now, minute);
            onError(60);
          }
        });
      });
    });
  }

  function arrive() {
    arrived += 1;
    const person = arrived;
    const since = queue.now;
    let errors = 0;
    const attempt = () =>
      request(
        'refresh',
        () => {
          people.through += 1;
          people.waits.push(queue.now - since);
          const at = Math.floor(queue.now / minute);
          people.perMinute[at] = (people.perMinute[at] ?? 0) + 1;
        },
        (retryAfterSeconds) => {
          if (errors === 0) people.withError += 1;
          errors += 1;
          people.errors += 1;
          delay(
            scenario.patience === 'obeys'
              ? retryAfterSeconds * 1000 + random() * 1000
              : 10_000 * (0.5 + random()),
            attempt,
          );
        },
        person,
      );
    attempt();
  }

  const every = (/** @type {number | undefined} */ perMinute, /** @type {() => void} */ run) => {
    if (!perMinute) return;
    const next = () =>
      delay((-Math.log(1 - random()) * minute) / perMinute, () => {
        run();
        next();
      });
    next();
  };
  for (let index = 0; index < (scenario.people ?? 0); index += 1) queue.add(random() * minute, arrive);
  every(scenario.perMinute, arrive);
  every(scenario.loginsPerMinute, () => {
    logins.all += 1;
    request(
      'login',
      () => {},
      () => (logins.failed += 1),
    );
  });
  every(scenario.introspectionsPerMinute, () => {
    introspections.all += 1;
    request(
      'introspection',
      () => {},
      () => (introspections.failed += 1),
    );
  });
  queue.runUntil(scenario.minutes * minute);
  return { arrived, ...people, logins, introspections, refused429, minutes: scenario.minutes };
}
