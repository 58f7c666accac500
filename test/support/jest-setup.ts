/** What holds for each test file: it talks to this machine only, prints no hints, and has diagnostics channels of its own. */
import { randomUUID } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import net from 'node:net';

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function connectToThisMachine(this: net.Socket, ...args: unknown[]) {
  // Callers pass (options), (port, host) or, from inside Node, one normalized array.
  const [first, second] = (Array.isArray(args[0]) ? args[0] : args) as [unknown, unknown];
  const options = (typeof first === 'object' && first !== null ? first : { host: second }) as {
    host?: unknown;
    path?: unknown;
  };
  const host = typeof options.host === 'string' ? options.host : 'localhost';
  const isLocal =
    options.path !== undefined || ['localhost', '::1', '0.0.0.0'].includes(host) || /^127\./.test(host);
  if (!isLocal) throw new Error(`A test tried to reach ${host}; tests talk to this machine only`);
  return (connect as (...all: unknown[]) => net.Socket).apply(this, args);
} as typeof connect;

// What the package tells developers about logins that fail: here they fail on purpose.
const write = process.stderr.write.bind(process.stderr) as (...args: unknown[]) => boolean;
process.stderr.write = ((chunk: unknown, ...rest: unknown[]) =>
  String(chunk).startsWith('passport-polar-sh: ') || write(chunk, ...rest)) as typeof process.stderr.write;

// Channels belong to the process, in which Jest runs many files. With names of its own, a file does not hear what an earlier one
// still has under way, and no forgotten subscriber keeps what happens in later ones.
const before = Symbol.for('passport-polar-sh.tests.diagnostics');
type Diagnostics = typeof diagnostics & { [before]?: typeof diagnostics };
type Listener = Parameters<typeof diagnostics.subscribe>[1];
const shared: Diagnostics = diagnostics;
shared[before] ??= { ...diagnostics };
const { channel, subscribe, unsubscribe } = shared[before];
const file = randomUUID();
const ownName = (name: string | symbol): string | symbol =>
  String(name).startsWith('passport-polar-sh:') ? `${String(name)} of ${file}` : name;
const listeners = new Map<string | symbol, Map<Listener, Listener>>();
diagnostics.channel = (name) => channel(ownName(name));
diagnostics.subscribe = (name, listener) => {
  const own: Listener = (message) => listener(message, name);
  listeners.set(name, (listeners.get(name) ?? new Map<Listener, Listener>()).set(listener, own));
  subscribe(ownName(name), own);
};
diagnostics.unsubscribe = (name, listener) =>
  unsubscribe(ownName(name), listeners.get(name)?.get(listener) ?? listener);
