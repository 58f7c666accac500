const UUID = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i;

/** The usual form of a UUID, however it was written; `undefined` for anything else. */
export function parseUUID(text: string): string | undefined {
  return UUID.exec(text)?.slice(1).join('-').toLowerCase();
}
