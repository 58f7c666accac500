import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Where a program is that some tests need. Without it they are skipped, with a line that says how to get it; in CI
 * (`CI` is set) they fail instead, so that nothing goes untested there.
 *
 * @param elsewhere folders to look in that are not in PATH
 */
export function neededProgram(
  names: readonly string[],
  howToGetIt: string,
  elsewhere: readonly string[] = [],
): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...elsewhere];
  for (const path of names.flatMap((name) => folders.map((folder) => join(folder, name)))) {
    if (isExecutable(path)) return path;
  }
  const message = `${names[0]} was not found. Get it with: ${howToGetIt}`;
  if (process.env['CI']) throw new Error(message);
  process.stderr.write(`Skipped: ${message}\n`);
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
