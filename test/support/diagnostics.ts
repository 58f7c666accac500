import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect } from '@jest/globals';
import type { PolarDiagnostic } from 'passport-polar-sh';

/** What a message on a diagnostics channel may contain. */
export interface DiagnosticsMessage {
  readonly event: string;
  readonly code?: string;
  readonly reason?: string;
  readonly error?: unknown;
}

/** Collects the messages on a diagnostics channel, anew for each test. */
export function recordMessages(channel = 'passport-polar-sh:login'): DiagnosticsMessage[] {
  const messages: DiagnosticsMessage[] = [];
  const record = (message: unknown): void => void messages.push(message as DiagnosticsMessage);
  beforeEach(() => {
    messages.length = 0;
    subscribe(channel, record);
  });
  afterEach(() => void unsubscribe(channel, record));
  return messages;
}

const channelNames = ['login', 'refresh', 'logout', 'request'].map((name) => `passport-polar-sh:${name}`);

/** Calls back with the messages on every channel; returns a function that stops it. */
export function onDiagnostic(listener: (message: PolarDiagnostic, channel: string) => void): () => void {
  const listen = listener as (message: unknown, channel: string | symbol) => void;
  for (const channel of channelNames) subscribe(channel, listen);
  return () => {
    for (const channel of channelNames) unsubscribe(channel, listen);
  };
}

/** Fails tests that leave an error uncaught, which outside of Jest would end the process; call it after other hooks. */
export function failOnUncaughtErrors(): void {
  const uncaught: unknown[] = [];
  const record = (error: unknown): void => void uncaught.push(error);
  beforeEach(() => {
    uncaught.length = 0;
    process.on('uncaughtException', record);
    process.on('unhandledRejection', record);
  });
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off('uncaughtException', record);
    process.off('unhandledRejection', record);
    expect(uncaught).toEqual([]);
  });
}
