// What so many active users need, calculated. Active: uses a Polar token at least once in each hour of the day's eight.

/** Counted in test/flows/round-trips.test.ts, or measured by `npm run bench`. */
export const assumed = {
  hoursADay: 8,
  requestsAnHour: 60,
  loginsEachDays: 30,
  refreshTrips: 2,
  refreshCommands: 8,
  loginTrips: 3,
  revalidationsAnHour: 60,
  revalidationCommands: 2,
  sessionBytes: 1500,
  recordBytes: 900,
  lockBytes: 150,
  cachedBytes: 2900,
  cookieBytes: 100,
  refreshSeconds: 0.2,
  polarPerMinute: 500,
  redisPerSecond: 50_000,
  requestMs: 0.5,
};

const number = (/** @type {number} */ value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : value >= 1 ? value.toFixed(1) : value.toFixed(2);
const bytes = (/** @type {number} */ value) =>
  value >= 1e9 ? `${number(value / 1e9)} GB` : `${number(value / 1e6)} MB`;

/** @returns {{ title: string, columns: string[], rows: (string | number)[][] }} */
export function sizes() {
  const a = assumed;
  const people = [1000, 30_000, 1_000_000, 100_000_000];
  const row = (/** @type {string} */ name, /** @type {(people: number) => string} */ figure) => [
    name,
    ...people.map(figure),
  ];
  const refreshesAMinute = (/** @type {number} */ count) => count / 60;
  const refreshesASecond = (/** @type {number} */ count) => count / 3600;
  const requestsASecond = (/** @type {number} */ count) => (count * a.requestsAnHour) / 3600;
  const storeASecond = (/** @type {number} */ count) =>
    refreshesASecond(count) * a.refreshCommands +
    (count * a.revalidationsAnHour * a.revalidationCommands) / 3600;
  return {
    title: 'Sizes',
    columns: ['active in the same hour', ...people.map((count) => count.toLocaleString('en'))],
    rows: [
      row('logins a minute (each user once in 30 days, within 8 hours a day)', (count) =>
        number(count / a.loginsEachDays / a.hoursADay / 60),
      ),
      row('refreshes a minute (one an hour each)', (count) => number(refreshesAMinute(count))),
      row("egress addresses that Polar's limit needs", (count) =>
        number(Math.ceil(refreshesAMinute(count) / (a.polarPerMinute * 0.9))),
      ),
      row('requests a second (one a minute each)', (count) => number(requestsASecond(count))),
      row('cores for them (0.5 ms each)', (count) =>
        number(Math.max(1, Math.ceil((requestsASecond(count) * a.requestMs) / 1000))),
      ),
      row('locks held at the same time (0.2 s a refresh)', (count) =>
        number(refreshesASecond(count) * a.refreshSeconds),
      ),
      row('storage operations a second, for refreshes', (count) =>
        number(refreshesASecond(count) * a.refreshCommands),
      ),
      row('storage operations a second, with a read once a minute of each login in use', (count) =>
        number(storeASecond(count)),
      ),
      row('session store operations a second (1 GET, 1 touch a request)', (count) =>
        number(2 * requestsASecond(count)),
      ),
      row('bytes in the store (session 1.5 KB, record 0.9 KB)', (count) =>
        bytes(count * (a.sessionBytes + a.recordBytes)),
      ),
      row('memory of all processes, if each login is cached once (2.9 KB)', (count) =>
        bytes(count * a.cachedBytes),
      ),
    ],
  };
}
