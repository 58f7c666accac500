import { loginKeys } from '../../src/storage/login-keys.js';

/** True for the id of one of our rows beside the sessions of a store: express-session's own ids have other letters, too. */
export const isRowId = (sid: string): boolean => /^[0-9a-f]{32}$/.test(sid);

/** The id of a row of a login: of its tokens, of its end or of its lock. */
export const rowIdOf = (loginId: string, row: keyof ReturnType<typeof loginKeys>): string =>
  loginKeys(loginId)[row].id;
