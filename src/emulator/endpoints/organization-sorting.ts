import type { DirectoryOrganization } from '../users/directory.js';
import { by, byCreation, createSorting } from './sorting.js';

/** Reviews are beyond the emulator. */
export const { read: readSorting, sort: sortOrganizations } = createSorting<DirectoryOrganization>({
  created_at: byCreation,
  slug: by(({ slug }) => slug),
  name: by(({ name }) => name),
  next_review_threshold: () => 0,
  days_in_status: () => 0,
});
