import type { IncomingHttpHeaders } from 'node:http';
import { checkedChoice, checkedList } from '../checks.js';
import type { Answer } from './message.js';

/** A dated version of Polar's API that the emulator knows, as in the header `Polar-Version`. */
export type PolarEmulatorAPIVersion = '2026-04' | '2026-10' | '2027-01';

const VERSIONS: readonly PolarEmulatorAPIVersion[] = ['2026-04', '2026-10', '2027-01'];

/** The versions that this Polar has. */
export class APIVersions {
  readonly #start: { readonly current: PolarEmulatorAPIVersion; readonly retired: readonly string[] };
  readonly #retired: Set<string>;
  #current: PolarEmulatorAPIVersion;

  /** @throws TypeError for an unknown version, and for a default that is retired */
  constructor(
    current: PolarEmulatorAPIVersion = '2026-10',
    retired: readonly PolarEmulatorAPIVersion[] = [],
  ) {
    this.#current = checkedChoice('defaultAPIVersion', current, VERSIONS);
    this.#retired = new Set();
    for (const version of checkedList('retiredAPIVersions', retired)) this.retire(version);
    this.#start = { current, retired: [...this.#retired] };
  }

  /** The version for requests that name none. */
  get current(): PolarEmulatorAPIVersion {
    return this.#current;
  }

  set current(version: PolarEmulatorAPIVersion) {
    checkedChoice('defaultAPIVersion', version, VERSIONS);
    if (this.#retired.has(version)) throw new TypeError(`defaultAPIVersion: ${version} is retired.`);
    this.#current = version;
  }

  /** @throws TypeError for an unknown version, and for the default */
  retire(version: PolarEmulatorAPIVersion): void {
    checkedChoice('The API version to retire', version, VERSIONS);
    if (version === this.#current)
      throw new TypeError(`${version} is the default API version: set another defaultAPIVersion first.`);
    this.#retired.add(version);
  }

  reset(): void {
    this.#current = this.#start.current;
    this.#retired.clear();
    for (const version of this.#start.retired) this.#retired.add(version);
  }

  /** The API version of a request, or `undefined` if Polar does not have it. An empty header counts as absent. */
  requested(headers: IncomingHttpHeaders): string | undefined {
    const version = String(headers['polar-version'] || this.#current);
    const isKnown = VERSIONS.some((each) => each === version) && !this.#retired.has(version);
    return isKnown ? version : undefined;
  }

  /** Echoes the API version of the request, as Polar does in every response but the barest. */
  echo(answer: Answer, requestHeaders: IncomingHttpHeaders): Answer {
    const version = this.requested(requestHeaders);
    if (version === undefined || answer.isBare === true) return answer;
    return { ...answer, headers: { ...answer.headers, 'polar-version': version } };
  }
}
