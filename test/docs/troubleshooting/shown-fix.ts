/** Runs the code that docs/troubleshooting.md shows, so that a fix in the guide is the one that was tested. */
import { transformSync } from '@swc/core';
import { projectFile } from '../shown-code.js';

/** The code blocks of the section with this title. */
export function fixesOf(title: string): string[] {
  const section = projectFile('docs/troubleshooting.md')
    .split(`\n### ${title}\n`)[1]
    ?.split(/\n##? ?#? /)[0];
  const blocks = section?.matchAll(/```(?:ts|js|sh)\n([\s\S]*?)```/g) ?? [];
  return [...blocks].map(([, code = '']) => code);
}

/**
 * Runs one of these blocks.
 *
 * @param scope the names that it uses without declaring them, such as `app`
 * @param modules replacements for packages that it imports
 * @returns what it exports
 */
export function runFix(
  code: string,
  scope: object,
  modules: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const options = { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } } as const;
  const compiled = transformSync(code, { ...options, module: { type: 'commonjs' } }).code;
  const exported = {};
  const load = (name: string): unknown => modules[name] ?? require(name);
  const run = new Function('require', 'exports', ...Object.keys(scope), compiled);
  run(load, exported, ...Object.values(scope));
  return exported;
}
