import type { MemoryStore } from 'express-session';
import type { Browser } from './browser.js';
import { isRowId } from './stored-rows.js';

/**
 * Remembers what a store and the cookies of a browser contain; the returned function writes the sessions back, as a slow
 * request does after a logout, and restores the rows that are gone.
 */
export function keepSessions(store: MemoryStore, browser: Browser): () => void {
  const { sessions } = store as unknown as { readonly sessions: Record<string, string> };
  const kept = Object.entries(sessions);
  const restoreCookies = browser.keepCookies();
  return () => {
    for (const [sid, text] of kept) if (!isRowId(sid) || !(sid in sessions)) sessions[sid] = text;
    restoreCookies();
  };
}
