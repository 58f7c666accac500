import { randomUUID } from 'node:crypto';
import {
  checkedChoice,
  checkedInteger,
  checkedList,
  checkedText,
  type Names,
  refuseUnknownNames,
} from '../checks.js';
import type { PolarEmulatorOrganization, PolarEmulatorProduct, PolarEmulatorUser } from '../options.js';
import { parseUUID } from '../uuid.js';
import { SEEDED_USERS } from './seeded-users.js';

/** An organization, with its id and name filled in. */
export interface DirectoryOrganization {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** True if only users who sign in through its SSO see it. */
  ssoEnforced: boolean;
  readonly products: readonly DirectoryProduct[];
}

/** A product, with everything filled in. */
export interface DirectoryProduct {
  readonly id: string;
  readonly name: string;
  readonly priceAmount: number;
  readonly recurringInterval: string | null;
}

/** A user, with everything filled in. */
export interface DirectoryUser {
  readonly id: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly name: string;
  readonly organizations: readonly DirectoryOrganization[];
}

/** The users with an account at this Polar. */
export class Directory {
  readonly users: readonly DirectoryUser[];
  readonly #organizations: ReadonlyMap<string, DirectoryOrganization>;
  readonly #enforcingSSO: ReadonlySet<DirectoryOrganization>;

  /** @throws TypeError if there are no users, or a user is invalid. */
  constructor(users: readonly PolarEmulatorUser[] = SEEDED_USERS) {
    if (checkedList('users', users).length === 0)
      throw new TypeError('startPolarEmulator: `users` must contain at least one user.');
    const organizations = new Map<string, DirectoryOrganization>();
    this.users = users.map((user) => describeUser(user, organizations));
    const emails = this.users.map(({ email }) => email);
    const twice = emails.find((email, index) => emails.indexOf(email) !== index);
    if (twice !== undefined)
      throw new TypeError(`startPolarEmulator: two users have the e-mail address ${twice}.`);
    this.#organizations = organizations;
    this.#enforcingSSO = new Set([...organizations.values()].filter(({ ssoEnforced }) => ssoEnforced));
  }

  /** The user with this e-mail address, if there is one. */
  find(email: string): DirectoryUser | undefined {
    return this.users.find((user) => user.email === email);
  }

  /** @throws TypeError naming the users there are, when none has this e-mail address. */
  byEmail(email: string): DirectoryUser {
    const user = this.find(email);
    if (user !== undefined) return user;
    const known = this.users.map((each) => each.email).join(', ');
    throw new TypeError(`Unknown user ${email}. Users: ${known}.`);
  }

  /** @throws TypeError naming the organizations there are, when none has this id or slug. */
  organization(idOrSlug: string): DirectoryOrganization {
    const all = [...this.#organizations.values()];
    const found = all.find(({ id, slug }) => id === idOrSlug || slug === idOrSlug);
    if (found !== undefined) return found;
    const known = all.map(({ slug }) => slug).join(', ');
    throw new TypeError(`Unknown organization ${idOrSlug}. Organizations: ${known}.`);
  }

  /** Restores the initial SSO settings. */
  reset(): void {
    for (const each of this.#organizations.values()) each.ssoEnforced = this.#enforcingSSO.has(each);
  }

  /** All members of an organization. */
  membersOf(organizationID: string): DirectoryUser[] {
    return this.users.filter((user) => user.organizations.some(({ id }) => id === organizationID));
  }
}

/** The organizations that a user can access without SSO, which the emulator does not have. */
export function accessibleOrganizations({ organizations }: DirectoryUser): readonly DirectoryOrganization[] {
  return organizations.filter(({ ssoEnforced }) => !ssoEnforced);
}

const USER_NAMES: Names<PolarEmulatorUser> = {
  id: true,
  email: true,
  emailVerified: true,
  name: true,
  organizations: true,
};
const ORGANIZATION_NAMES: Names<PolarEmulatorOrganization> = {
  id: true,
  slug: true,
  name: true,
  ssoEnforced: true,
  products: true,
};
const PRODUCT_NAMES: Names<PolarEmulatorProduct> = {
  id: true,
  name: true,
  priceAmount: true,
  recurringInterval: true,
};
const INTERVALS = ['day', 'week', 'month', 'year'] as const;

/** Users who name the same slug are members of the same organization. */
function describeUser(user: PolarEmulatorUser, known: Map<string, DirectoryOrganization>): DirectoryUser {
  refuseUnknownNames('A user', user, USER_NAMES);
  const email = checkedText("A user's `email`", user.email);
  const organizations = checkedList(`organizations of ${email}`, user.organizations ?? []);
  return {
    id: checkedID(user.id),
    email,
    emailVerified: user.emailVerified ?? true,
    name: user.name ?? email,
    organizations: organizations.map((organization) => {
      refuseUnknownNames('An organization', organization, ORGANIZATION_NAMES);
      const { id, name, ssoEnforced = false } = organization;
      const slug = checkedText("An organization's `slug`", organization.slug);
      const products = checkedList(`products of ${slug}`, organization.products ?? []).map(describeProduct);
      const described = known.get(slug) ?? {
        id: checkedID(id),
        slug,
        name: name ?? slug,
        ssoEnforced,
        products,
      };
      known.set(slug, described);
      return described;
    }),
  };
}

function describeProduct(product: PolarEmulatorProduct): DirectoryProduct {
  refuseUnknownNames('A product', product, PRODUCT_NAMES);
  const { id, priceAmount = 1000, recurringInterval } = product;
  return {
    id: checkedID(id),
    name: checkedText("A product's `name`", product.name),
    priceAmount: checkedInteger("A product's `priceAmount`", priceAmount, 0),
    recurringInterval:
      recurringInterval === undefined
        ? null
        : checkedChoice("A product's `recurringInterval`", recurringInterval, INTERVALS),
  };
}

function checkedID(id: string | undefined): string {
  const uuid = id === undefined ? randomUUID() : parseUUID(id);
  if (uuid === undefined) throw new TypeError(`startPolarEmulator: an id must be a UUID, not "${id}".`);
  return uuid;
}
