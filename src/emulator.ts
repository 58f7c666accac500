/**
 * A local Polar for tests and demos: {@link startPolarEmulator}.
 *
 * @module passport-polar-sh/emulator
 * @packageDocumentation
 */
export type {
  PolarEmulator,
  PolarEmulatorClientChanges,
  PolarEmulatorStrategyOptions,
  PolarEmulatorToken,
  PolarEmulatorTokenRequest,
  PolarEmulatorVisit,
} from './emulator/controls/polar-emulator.js';
export type {
  PolarEmulatorEndpoint,
  PolarEmulatorFault,
  PolarEmulatorStatusFault,
} from './emulator/faults.js';
export type { PolarEmulatorAPIVersion } from './emulator/http/api-version.js';
export type {
  PolarEmulatorAuthMethod,
  PolarEmulatorClient,
  PolarEmulatorClientMetadata,
  PolarEmulatorConsent,
  PolarEmulatorLifetimes,
  PolarEmulatorOptions,
  PolarEmulatorOrganization,
  PolarEmulatorProduct,
  PolarEmulatorRealism,
  PolarEmulatorRefreshRaces,
  PolarEmulatorUser,
} from './emulator/options.js';
export type { PolarEmulatorRequest } from './emulator/request-log.js';
export { startPolarEmulator } from './emulator/start-emulator.js';
