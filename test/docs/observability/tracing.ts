import { subscribe } from 'node:diagnostics_channel';
import { type Attributes, metrics, SpanStatusCode, trace } from '@opentelemetry/api';
import type { PolarDiagnostic } from 'passport-polar-sh';

/** Call it once, after the OpenTelemetry SDK has started. */
export function tracePolar(): void {
  const tracer = trace.getTracer('passport-polar-sh');
  const meter = metrics.getMeter('passport-polar-sh');
  const logins = meter.createCounter('polar.logins');
  const refreshes = meter.createCounter('polar.refreshes');
  const revocations = meter.createCounter('polar.revocations');
  const retries = meter.createCounter('polar.retries_after_401');
  const lockWaits = meter.createHistogram('polar.lock_wait.duration', {
    unit: 's',
    advice: { explicitBucketBoundaries: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] },
  });

  // A child of the request's span: messages are published in the async context of the request.
  const recordSpan = (name: string, durationMs: number, attributes: Attributes, error?: unknown): void => {
    const endTime = Date.now();
    const span = tracer.startSpan(name, { startTime: endTime - durationMs, attributes });
    if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  };
  const failure = (error: unknown): Attributes => ({
    'error.type': (error as { code?: string } | undefined)?.code ?? 'unknown',
  });

  const record = (message: PolarDiagnostic): void => {
    switch (message.event) {
      case 'logged-in':
        logins.add(1);
        recordSpan('polar login', message.durationMs, { 'polar.login_id': message.loginId });
        break;
      case 'login-failed':
        logins.add(1, { 'error.type': message.code });
        recordSpan('polar login', message.durationMs ?? 0, { 'error.type': message.code }, message.error);
        break;
      case 'refreshed':
        refreshes.add(1);
        recordSpan('polar refresh', message.durationMs, { 'polar.login_id': message.loginId });
        break;
      case 'refresh-failed': {
        const attributes = failure(message.error);
        refreshes.add(1, attributes);
        recordSpan(
          'polar refresh',
          message.durationMs,
          { 'polar.login_id': message.loginId, ...attributes },
          message.error,
        );
        break;
      }
      case 'lock-waited':
        lockWaits.record(message.durationMs / 1000);
        break;
      case 'revocation':
        revocations.add(1, message.error === undefined ? {} : failure(message.error));
        break;
      case 'retried-after-401':
        retries.add(1);
        break;
    }
  };
  for (const channel of ['login', 'refresh', 'logout', 'request'])
    subscribe(`passport-polar-sh:${channel}`, (message) => record(message as PolarDiagnostic));
}
