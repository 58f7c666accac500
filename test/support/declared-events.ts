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

function declaredEvent(channel: string, name: string): DeclaredEvent {
  const members = interfaces.get(name) ?? [];
  const literal = members.find(({ key }) => key.value === 'event') as Syntax;
  const fields = members
    .filter((member) => member !== literal)
    .map((member): [string, DeclaredField] => {
      const { kind = 'string' } = typeOf(member);
      return [member['key'].value, { isOptional: member['optional'], type: kind }];
    });
  return { channel, event: typeOf(literal)['literal'].value, fields: Object.fromEntries(fields) };
}

/** Every event, in the order of its channel's union. */
export const declaredEvents: readonly DeclaredEvent[] = (
  interfaces.get('PolarDiagnosticChannels') as Syntax[]
).flatMap((member) => {
  const type = typeOf(member);
  const names: Syntax[] = type.type === 'TsUnionType' ? type['types'] : [type];
  return names.map(({ typeName }) => declaredEvent(member['key'].value, typeName.value));
});

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
