import type { PolarEmulatorUser } from '../options.js';

const ACME = {
  id: '22222220-2222-4222-8222-222222222222',
  slug: 'acme',
  name: 'acme',
  products: [
    { id: '33333330-3333-4333-8333-333333333333', name: 'Anvil', priceAmount: 4900 },
    { id: '33333331-3333-4333-8333-333333333333', name: 'Rocket fuel', recurringInterval: 'month' },
  ],
} as const;
const ENGINES = {
  id: '22222221-2222-4222-8222-222222222222',
  slug: 'analytical-engines',
  name: 'Analytical Engines',
  products: [{ id: '33333332-3333-4333-8333-333333333333', name: 'Punch cards', priceAmount: 100 }],
};
const COMPILERS = { id: '22222222-2222-4222-8222-222222222222', slug: 'compilers', name: 'Compilers & Co.' };

/**
 * The users of an emulator that is not given any: with two organizations, with one of which they are the only member;
 * with a shared and an own one; with none; and one whose e-mail address is not verified.
 */
export const SEEDED_USERS: readonly PolarEmulatorUser[] = [
  {
    id: '11111111-1111-4111-8111-111111111111',
    email: 'ada@example.com',
    name: 'Ada Lovelace',
    organizations: [ACME, ENGINES],
  },
  {
    id: '11111112-1111-4111-8111-111111111111',
    email: 'grace@example.com',
    name: 'Grace Hopper',
    organizations: [ENGINES, COMPILERS],
  },
  {
    id: '11111113-1111-4111-8111-111111111111',
    email: 'katherine@example.com',
    name: 'Katherine Johnson',
    organizations: [],
  },
  {
    id: '11111114-1111-4111-8111-111111111111',
    email: 'unverified@example.com',
    name: 'Una Verified',
    emailVerified: false,
    organizations: [],
  },
];
