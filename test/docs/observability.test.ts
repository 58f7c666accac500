/** docs/observability.md lists the events that src/polar-diagnostic.ts declares, and shows the files that run in observability/. */
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { declaredEvents, problemsOf } from '../support/declared-events.js';
import { blocksOf, projectFile, runningFile } from './shown-code.js';

const guide = projectFile('docs/observability.md');
const files = ['tracing.ts', 'log.ts'];
const rows = [...guide.matchAll(/^\| `(login|refresh|logout|request)` \| `([\w-]+)` \| .*$/gm)].map(([row]) =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim()),
);

describe('the table of events', () => {
  it('has every event once, in the order of the types', () => {
    expect(
      rows.map(([channel = '', event = '']) => [channel.slice(1, -1), event.slice(1, -1)].join(' ')),
    ).toEqual(
      declaredEvents.map(({ channel, event }) => `${channel.replace('passport-polar-sh:', '')} ${event}`),
    );
  });

  it.each(declaredEvents)('names the fields of $event, and which are optional', ({ event, fields }) => {
    const [, , when = '', described = ''] = rows.find(([, name]) => name === `\`${event}\``) ?? [];
    expect(when).toMatch(/^[A-Z`].*\.$/);
    const named = described.split('; ').flatMap((part) => /^`(\w+\??)`/.exec(part)?.slice(1) ?? []);
    const declared = Object.entries(fields).map(
      ([name, { isOptional }]) => `${name}${isOptional ? '?' : ''}`,
    );
    expect(named).toEqual(declared);
    if (fields['durationMs'] !== undefined) expect(described).toMatch(/`durationMs\??`: milliseconds /);
  });

  it.each(declaredEvents)('has an example of $event that fits its type', ({ channel, event }) => {
    const example = rows.find(([, name]) => name === `\`${event}\``)?.[4]?.slice(1, -1);
    const message = runInNewContext(`(${example})`, { Error }) as { event: string };
    expect(message.event).toBe(event);
    expect(problemsOf(channel, message)).toEqual([]);
  });
});

describe('the types of messages', () => {
  it('have each event once, on one channel', () => {
    expect(declaredEvents.length).toBeGreaterThan(20);
    expect(new Set(declaredEvents.map(({ event }) => event)).size).toBe(declaredEvents.length);
    const documented = projectFile('src/polar-diagnostic.ts').matchAll(
      /@group passport-polar-sh:\w+\n {3}\*\/\n {2}readonly '?([\w-]+)/g,
    );
    expect([...documented].map(([, event]) => event)).toEqual(declaredEvents.map(({ event }) => event));
  });

  it('find what is wrong with a message', () => {
    const channel = 'passport-polar-sh:refresh';
    expect(problemsOf(channel, { event: 'ended', loginId: 'x' })).toEqual([`${channel} has no event ended`]);
    expect(problemsOf(channel, { event: 'tie', loginId: 1, token: 'x' })).toEqual([
      'tie.token',
      'tie.loginId',
      'tie.generation',
    ]);
  });
});

describe('the guide to observability', () => {
  it.each(files)('shows %s exactly as it runs', (file) => {
    expect(blocksOf('observability.md').get(file)).toBe(runningFile('observability', file));
  });

  it('shows no other files', () => {
    expect([...blocksOf('observability.md').keys()]).toEqual(files);
  });

  it('says for which events to raise an alert', () => {
    const [, alerts = ''] = guide.split('## What to alert on');
    for (const [, event] of alerts.split('\n## ')[0]?.matchAll(/^\| ((?:`[\w-]+`(?:, | and )?)+)/gm) ?? [])
      for (const [, name] of (event as string).matchAll(/`([\w-]+)`/g))
        expect(declaredEvents.map((declared) => declared.event)).toContain(name);
  });
});
