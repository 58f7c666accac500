import { requireScope } from '../bearer.js';
import { jsonAnswer, notEmulated } from '../http/answers.js';
import { type Answer, type EmulatorRequest, lastValue } from '../http/message.js';
import { refuseNUL } from '../http/server-crashes.js';
import type { EmulatorState } from '../state.js';
import type { DirectoryOrganization, DirectoryProduct } from '../users/directory.js';
import { parseUUID } from '../uuid.js';
import { type Complaint, validationRefusal } from '../validation/complaint.js';
import { pageOf, readPaging } from './api-paging.js';
import { organizationsOf } from './organizations.js';
import { describeProduct } from './product-object.js';
import { by, byCreation, createSorting } from './sorting.js';
import { uuidProblem } from './uuid-problem.js';

const SCOPES = ['products:read', 'products:write'];

interface Offer {
  readonly product: DirectoryProduct;
  readonly organization: DirectoryOrganization;
}

/** `GET /v1/products/`: the products of the organizations that the token has access to, newest first. */
export function listProducts(request: EmulatorRequest, state: EmulatorState): Answer {
  const { query } = request;
  const own = offersOf(request, state);
  const complaints: Complaint[] = [];
  const paging = readPaging(query, complaints);
  const criteria = sorting.read(query, complaints);
  const ids = readIDs(query, 'id', complaints);
  const organizationIDs = readIDs(query, 'organization_id', complaints);
  if (complaints.length > 0) throw validationRefusal(complaints);
  if ([...query.keys()].some((name) => !KNOWN.includes(name)))
    return notEmulated('GET', '/v1/products/ with this filter');
  const name = lastValue(query, 'query')?.toLowerCase() ?? '';
  refuseNUL(name);
  const found = own.filter(
    ({ product, organization }) =>
      (ids.length === 0 || ids.includes(product.id)) &&
      (organizationIDs.length === 0 || organizationIDs.includes(organization.id)) &&
      product.name.toLowerCase().includes(name),
  );
  const sorted = sorting.sort(found, criteria.length === 0 ? ['-created_at'] : criteria);
  return jsonAnswer(200, pageOf(sorted.map(described), paging));
}

/** `GET /v1/products/:id`. */
export function getProduct(request: EmulatorRequest, state: EmulatorState): Answer {
  const own = offersOf(request, state);
  const input = request.path.slice(request.path.lastIndexOf('/') + 1);
  const problem = uuidProblem(input);
  const wanted = parseUUID(input);
  const offer = own.find(({ product }) => product.id === wanted);
  if (offer !== undefined && problem?.type !== 'uuid_parsing') return jsonAnswer(200, described(offer));
  if (problem !== undefined) throw validationRefusal([{ ...problem, loc: ['path', 'id'], input }]);
  return jsonAnswer(404, { error: 'ResourceNotFound', detail: 'Not found' });
}

/** In the order of their creation. */
function offersOf(request: EmulatorRequest, state: EmulatorState): Offer[] {
  const organizations = organizationsOf(requireScope(request, state, SCOPES));
  return organizations.flatMap((organization) =>
    organization.products.map((product) => ({ product, organization })),
  );
}

const described = ({ product, organization }: Offer): object => describeProduct(product, organization);

const KNOWN = ['page', 'limit', 'sorting', 'id', 'organization_id', 'query'];

/** All prices are fixed ones. */
const sorting = createSorting<Offer>({
  created_at: byCreation,
  name: by(({ product }) => product.name),
  price_amount_type: () => 0,
  price_amount: by(({ product }) => product.priceAmount),
});

function readIDs(query: URLSearchParams, name: string, complaints: Complaint[]): readonly string[] {
  return query.getAll(name).flatMap((input) => {
    const problem = uuidProblem(input);
    // Polar's framework reports the problem twice: for the single value and for a list of values.
    if (problem?.type === 'uuid_parsing') complaints.push({ ...problem, loc: ['query', name], input });
    return parseUUID(input) ?? [];
  });
}
