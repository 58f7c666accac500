import { type Html, html } from '../pages/html.js';
import type { Directory, DirectoryUser } from '../users/directory.js';
import { USER_PARAMETER } from '../users/signed-in-user.js';

/** Links that load an authorization request again, signed in as another user. */
export function userLinks(
  queryString: string,
  directory: Directory,
  except?: DirectoryUser,
): readonly Html[] {
  return directory.users
    .filter((user) => user !== except)
    .map((user) => {
      const query = new URLSearchParams(queryString);
      query.set(USER_PARAMETER, user.email);
      const href = `/oauth2/authorize?${query}`;
      return html`<a class="person" href="${href}">${user.name}<small>${user.email}</small></a>
`;
    });
}
