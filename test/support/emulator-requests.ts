import type { PolarEmulator, PolarEmulatorRequest } from 'passport-polar-sh/emulator';

/** The requests that a Polar has received at an endpoint. */
export const requestsTo = (
  { requests }: PolarEmulator,
  endpoint: PolarEmulatorRequest['endpoint'],
): PolarEmulatorRequest[] => requests.filter((each) => each.endpoint === endpoint);

/** The refreshes that a Polar was asked for, including those that it refused. */
export const refreshesAt = ({ requests }: PolarEmulator): PolarEmulatorRequest[] =>
  requests.filter(({ grantType }) => grantType === 'refresh_token');
