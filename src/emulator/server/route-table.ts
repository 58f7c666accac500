/** Who may use a route. */
export type Access =
  | 'anybody'
  | 'web-app'
  | 'web-app-or-nobody'
  | 'customers'
  | { readonly scopes: readonly string[]; readonly usersOnly: boolean };

/** A path of Polar's, with the access of each method. */
export interface PathEntry {
  /** With `*` for any segment. */
  readonly path: string;
  readonly methods: ReadonlyMap<string, Access>;
}

/** The routes of a list in the notation of `polar-routes.ts`. */
export class RouteTable {
  readonly #entries: readonly (PathEntry & { readonly pattern: RegExp })[];

  constructor(list: string) {
    // Indented lines go on with the family of the line before.
    const families = list.trim().split(/\n(?! )/);
    this.#entries = families.flatMap(parseFamily).map((entry) => {
      // A line break at the end of a path goes unnoticed, as it does at Polar.
      const pattern = new RegExp(`^${entry.path.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}\\n?$`);
      return { ...entry, pattern };
    });
  }

  /** The entry that serves the method, or, before any other that has the path, the one that says which it serves. */
  find(method: string, path: string): PathEntry | undefined {
    const matching = this.#entries.filter(({ pattern }) => pattern.test(path));
    return matching.find(({ methods }) => methods.has(method)) ?? matching[0];
  }
}

function parseFamily(text: string): PathEntry[] {
  const [head = '', ...tokens] = text.split(/\s+/);
  const [beginning = '', resource = beginning.slice(beginning.lastIndexOf('/') + 1)] = head.split(':');
  const entries: (PathEntry & { methods: Map<string, Access> })[] = [];
  for (const token of tokens) {
    const [method = '', code = method === 'GET' ? 'rw' : 'w'] = token.split('.');
    if (method === '' || token.startsWith('/')) {
      entries.push({ path: token === '.' ? beginning : beginning + token, methods: new Map() });
    } else {
      entries.at(-1)?.methods.set(method, parseAccess(code, resource.replaceAll('-', '_')));
    }
  }
  return entries;
}

const SIMPLE_ACCESS: Readonly<Record<string, Access>> = {
  '-': 'anybody',
  s: 'web-app',
  a: 'web-app-or-nobody',
  c: 'customers',
  u: { scopes: [], usersOnly: true },
};

function parseAccess(code: string, familyResource: string): Access {
  const simple = SIMPLE_ACCESS[code];
  if (simple !== undefined) return simple;
  const scopes = code
    .replace('!', '')
    .split('+')
    .flatMap((part) => {
      const [letters = '', resource = familyResource] = part.split(':').reverse();
      return [...letters].map((letter) => `${resource}:${letter === 'r' ? 'read' : 'write'}`);
    });
  return { scopes, usersOnly: code.endsWith('!') };
}
