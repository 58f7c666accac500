import type { PolarEmulatorConsent } from '../options.js';

const CONSENTS: readonly PolarEmulatorConsent[] = ['ask', 'auto', 'deny'];

/** @throws TypeError for anything but the three ways to consent; callers may not be TypeScript. */
export function checkedConsent(consent: PolarEmulatorConsent): PolarEmulatorConsent {
  if (CONSENTS.includes(consent)) return consent;
  throw new TypeError(`consent must be one of ${CONSENTS.join(', ')}, not "${String(consent)}".`);
}
