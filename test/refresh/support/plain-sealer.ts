import type { Sealer } from '../../../src/sealing/sealer.js';

/** Does not encrypt, but checks the purpose of what it opens. */
export const plainSealer: Sealer = {
  seal: (value, purpose) => JSON.stringify({ purpose, value }),
  unseal: (sealed, purpose) => {
    const found = JSON.parse(sealed) as { purpose: string; value: unknown };
    return found.purpose === purpose ? found.value : undefined;
  },
  lacksKeyOf: () => false,
};
