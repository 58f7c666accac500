import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from '@swc/core';

/** A field of a published message. */
export interface DeclaredField {
  readonly isOptional: boolean;
  /** `string` for the unions of codes and reasons, too. */
  readonly type: 'string' | 'number' | 'unknown';
}

/** A message as src/polar-diagnostic.ts declares it. */
export interface DeclaredEvent {
  readonly channel: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, DeclaredField>>;
}

interface Syntax {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: the parser's own types lack most of these nodes
  readonly [field: string]: any;
}

const file = path.resolve(__dirname, '../../src/polar-diagnostic.ts');
const { body } = parseSync(readFileSync(file, 'utf8'), { syntax: 'typescript' }) as unknown as {
  body: Syntax[];
};
const interfaces = new Map<string, Syntax[]>(
  body
    .filter(({ declaration }) => declaration?.type === 'TsInterfaceDeclaration')
    .map(({ declaration }) => [declaration.id.value, declaration.body.body]),
);

const typeOf = ({ typeAnnotation: { typeAnnotation } }: Syntax): Syntax => typeAnnotation;

const membersOf = (name: string): Syntax[] => interfaces.get(name) ?? [];

const fieldsByEvent = new Map<string, DeclaredEvent['fields']>(
  membersOf('PolarDiagnosticEvents').map((event) => {
    const fields: Syntax[] = typeOf(event)['members'] ?? [];
    const declared = fields.map((field): [string, DeclaredField] => {
      const { kind = 'string' } = typeOf(field);
      return [field['key'].value, { isOptional: field['optional'], type: kind }];
    });
    return [event['key'].value, Object.fromEntries(declared)];
  }),
);

/** Every event, in the order of its channel's union. */
export const declaredEvents: readonly DeclaredEvent[] = membersOf('PolarDiagnosticChannels').flatMap(
  ({ key: channel, ...member }) => {
    const names = typeOf(member as Syntax);
    const literals: Syntax[] = names.type === 'TsUnionType' ? names['types'] : [names];
    return literals.map(({ literal: { value: event } }) => {
      const fields = fieldsByEvent.get(event);
      if (fields === undefined) throw new Error(`PolarDiagnosticEvents has no ${event}`);
      return { channel: channel.value, event, fields };
    });
  },
);

/** What is wrong with a message, if it is published on this channel. */
export function problemsOf(channel: string, message: object): string[] {
  const { event, ...given } = message as { event?: unknown };
  const declared = declaredEvents.find((each) => each.channel === channel && each.event === event);
  if (declared === undefined) return [`${channel} has no event ${String(event)}`];
  const fits = (value: unknown, { isOptional, type }: DeclaredField): boolean =>
    value === undefined ? isOptional : type === 'unknown' || typeof value === type;
  return [
    ...Object.keys(given).filter((name) => declared.fields[name] === undefined),
    ...Object.entries(declared.fields)
      .filter(([name, field]) => !fits((given as Record<string, unknown>)[name], field))
      .map(([name]) => name),
  ].map((name) => `${String(event)}.${name}`);
}
