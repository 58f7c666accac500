/** The OpenTelemetry example of docs/observability.md, with the SDK's exporters in memory. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { context, metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type DataPoint,
  type Histogram,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { logout } from 'passport-polar-sh';
import { type AppProcess, startProcesses } from '../../support/app-processes.js';
import type { Browser } from '../../support/browser.js';
import { until } from '../../support/until.js';
import { tracePolar } from './tracing.js';

const spans = new InMemorySpanExporter();
const exported = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: exported, exportIntervalMillis: 2 ** 30 });
const meters = new MeterProvider({ readers: [reader] });

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] }),
  );
  metrics.setGlobalMeterProvider(meters);
  tracePolar();
});
afterAll(async () => {
  await meters.shutdown();
  for (const global of [context, trace, metrics]) global.disable();
});

let apps: readonly AppProcess[];
let app: AppProcess;
let browser: Browser;
beforeEach(async () => {
  spans.reset();
  apps = await startProcesses(2, {
    routes: (server, { polar }) => {
      // What an instrumentation of HTTP does.
      server.use((req, res, next) => {
        trace
          .getTracer('http')
          .startActiveSpan(`${req.method} ${req.path}`, { kind: SpanKind.SERVER }, (span) => {
            res.once('finish', () => span.end());
            next();
          });
      });
      server.get('/api', async (req, res) => void res.json((await req.polar.fetch('/v1/users/me')).status));
      server.post('/logout', logout(polar, { redirectTo: '/' }));
    },
  });
  [app] = apps as [AppProcess];
  browser = await app.loggedInBrowser();
});
afterEach(async () => {
  for (const app of apps) await app.polar.settled({ withinMs: 5000 });
  for (const app of [...apps].reverse()) await app.close();
});

const emulator = () => app.emulator;
const spansOf = (name: string): ReadableSpan[] =>
  spans.getFinishedSpans().filter((span) => span.name === name);

/** The data points of a metric so far. */
async function pointsOf(name: string): Promise<DataPoint<unknown>[]> {
  exported.reset();
  await reader.forceFlush();
  const all = exported
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  return all
    .filter(({ descriptor }) => descriptor.name === name)
    .flatMap(({ dataPoints }) => dataPoints as DataPoint<unknown>[]);
}

/** The value of a counter with these attributes so far. */
async function count(name: string, attributes: object = {}): Promise<number> {
  const wanted = JSON.stringify(attributes);
  const point = (await pointsOf(name)).find((each) => JSON.stringify(each.attributes) === wanted);
  return (point?.value as number | undefined) ?? 0;
}

/** The span of the request with this name is the parent of `span`, and the latter lies within it. */
function expectChildOf(span: ReadableSpan | undefined, name: string): void {
  const parents = spansOf(name).map((parent) => parent.spanContext());
  expect(parents.map(({ spanId }) => spanId)).toContain(span?.parentSpanContext?.spanId);
  expect(parents.map(({ traceId }) => traceId)).toContain(span?.spanContext().traceId);
}

const milliseconds = ({ duration: [seconds, nanoseconds] }: ReadableSpan): number =>
  seconds * 1000 + nanoseconds / 1e6;

describe('the spans', () => {
  it('show a login and a refresh inside their requests, with the time that they took', async () => {
    const [login] = spansOf('polar login');
    expectChildOf(login, 'GET /auth/polar/callback');
    const loginId = login?.attributes['polar.login_id'];
    expect(loginId).toMatch(/^[0-9a-f]{32}$/);

    emulator().advanceTime(864_000);
    emulator().fail('token', { delayMs: 300 });
    await browser.token();
    const refreshes = spansOf('polar refresh');
    expect(refreshes).toHaveLength(1);
    const [refresh] = refreshes as [ReadableSpan];
    expectChildOf(refresh, 'GET /token');
    expect(refresh.attributes).toEqual({ 'polar.login_id': loginId });
    expect(milliseconds(refresh)).toBeGreaterThanOrEqual(299);
    expect(refresh.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('show failures, as errors unless the user cancelled', async () => {
    emulator().advanceTime(864_000);
    emulator().fail('token', { status: 500 });
    await browser.get('/token');
    const [refresh] = spansOf('polar refresh');
    expectChildOf(refresh, 'GET /token');
    expect(refresh?.attributes['error.type']).toBe('server_error');
    expect(refresh?.status.code).toBe(SpanStatusCode.ERROR);

    const other = app.browser();
    const state = (await other.startLogin()).searchParams.get('state');
    await other.get(`/auth/polar/callback?error=access_denied&state=${state}`);
    const [, cancelled] = spansOf('polar login');
    expectChildOf(cancelled, 'GET /auth/polar/callback');
    expect(cancelled?.attributes).toEqual({ 'error.type': 'access_denied' });
    expect(cancelled?.status.code).toBe(SpanStatusCode.UNSET);
  });
});

describe('the metrics', () => {
  it('count logins, refreshes, failures, retries and revocations', async () => {
    const [logins, refreshes, failures, retries, revocations] = await Promise.all([
      count('polar.logins'),
      count('polar.refreshes'),
      count('polar.refreshes', { 'error.type': 'rate_limited' }),
      count('polar.retries_after_401'),
      count('polar.revocations'),
    ]);
    await app.loggedInBrowser();
    emulator().advanceTime(864_000);
    emulator().fail('token', { status: 429 });
    await browser.get('/token');
    emulator().advanceTime(60);
    await browser.token();
    emulator().fail('api', { status: 401 });
    await browser.get('/api');
    await browser.post('/logout');
    await until(async () => (await count('polar.revocations')) > revocations);
    expect(await count('polar.logins')).toBe(logins + 1);
    expect(await count('polar.refreshes')).toBe(refreshes + 1);
    expect(await count('polar.refreshes', { 'error.type': 'rate_limited' })).toBe(failures + 1);
    expect(await count('polar.retries_after_401')).toBe(retries + 1);
  });

  it('tell how long one process waited while another refreshed', async () => {
    emulator().advanceTime(864_000);
    emulator().fail('token', { delayMs: 500 });
    const exchanges = () => emulator().requests.filter(({ endpoint }) => endpoint === 'token').length;
    const before = exchanges();
    const early = browser.token();
    await until(() => exchanges() > before);
    expect(await browser.at(apps[1] as AppProcess).token()).toBe(await early);
    const [waits] = (await pointsOf('polar.lock_wait.duration')) as DataPoint<Histogram>[];
    expect(waits?.value.count).toBe(1);
    expect(waits?.value.sum).toBeGreaterThan(0.05);
    expect(waits?.value.sum).toBeLessThan(10);
    expect(spansOf('polar refresh')).toHaveLength(1);
  });
});
