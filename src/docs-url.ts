// `npm version` writes it here (scripts/write-version.mjs): the bundle must not read files, and no bundler may inline package.json.
/** The version of this package. */
export const packageVersion = '1.0.0';

/** The address of the section about an error or a warning, in the docs of this version of the package. */
export function docsURL(code: string): string {
  return `https://unpkg.com/passport-polar-sh@${packageVersion}/docs/troubleshooting.md#${code}`;
}
