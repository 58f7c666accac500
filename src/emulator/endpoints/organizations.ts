import { requireScope } from '../bearer.js';
import { jsonAnswer } from '../http/answers.js';
import { type Answer, type EmulatorRequest, lastValue } from '../http/message.js';
import { refuseNUL } from '../http/server-crashes.js';
import type { EmulatorState } from '../state.js';
import type { TokenRecord } from '../stores/tokens.js';
import { accessibleOrganizations, type DirectoryOrganization } from '../users/directory.js';
import { parseUUID } from '../uuid.js';
import { type Complaint, validationRefusal } from '../validation/complaint.js';
import { pageOf, readPaging } from './api-paging.js';
import { describeOrganization } from './organization-object.js';
import { readSorting, sortOrganizations } from './organization-sorting.js';
import { uuidProblem } from './uuid-problem.js';

const SCOPES = ['organizations:write', 'organizations:read'];

/** `GET /v1/organizations/`: the organizations of the token, which may be fewer than the user's. */
export function listOrganizations(request: EmulatorRequest, state: EmulatorState): Answer {
  const { query } = request;
  const own = organizationsOf(requireScope(request, state, SCOPES));
  const complaints: Complaint[] = [];
  const paging = readPaging(query, complaints);
  const criteria = readSorting(query, complaints);
  if (complaints.length > 0) throw validationRefusal(complaints);
  const slug = lastValue(query, 'slug')?.toLowerCase();
  refuseNUL(slug ?? '');
  const organizations = own.filter((each) => slug === undefined || each.slug.toLowerCase() === slug);
  return jsonAnswer(
    200,
    pageOf(sortOrganizations(organizations, criteria).map(describeOrganization), paging),
  );
}

/** `GET /v1/organizations/:id`. */
export function getOrganization(request: EmulatorRequest, state: EmulatorState): Answer {
  const own = organizationsOf(requireScope(request, state, SCOPES));
  const input = request.path.slice(request.path.lastIndexOf('/') + 1);
  const wanted = parseUUID(input);
  const problem = uuidProblem(input);
  const organization = own.find(({ id }) => id === wanted);
  // An emulated organization may have an id of another version.
  if (organization !== undefined && problem?.type !== 'uuid_parsing') {
    return jsonAnswer(200, describeOrganization(organization));
  }
  if (problem !== undefined) throw validationRefusal([{ ...problem, loc: ['path', 'id'], input }]);
  return jsonAnswer(404, { error: 'ResourceNotFound', detail: 'Not found' });
}

/** The organizations that a token has access to. */
export function organizationsOf({ subject, organizationIDs }: TokenRecord): readonly DirectoryOrganization[] {
  if (subject.type === 'organization') return [subject.organization];
  return organizationIDs.length === 0
    ? accessibleOrganizations(subject.user)
    : subject.user.organizations.filter(({ id }) => organizationIDs.includes(id));
}
