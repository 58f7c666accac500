import { checkedInteger, checkedNumber, type Names, refuseUnknownNames } from '../checks.js';
import {
  ENDPOINTS,
  NAMED_FAULTS,
  type PolarEmulatorEndpoint,
  type PolarEmulatorFault,
  type PolarEmulatorStatusFault,
} from '../faults.js';

const STATUS_NAMES: Names<PolarEmulatorStatusFault> = {
  status: true,
  retryAfterSeconds: true,
  body: true,
  headers: true,
};

/** `setTimeout` turns longer delays into 1 ms. */
const MAX_MS = 2 ** 31 - 1;

/** @throws TypeError for a fault that could not happen as requested: it would be ignored, or break more. */
export function checkFault(endpoint: PolarEmulatorEndpoint, fault: PolarEmulatorFault, times: number): void {
  if (!ENDPOINTS.includes(endpoint)) {
    throw new TypeError(`fail: unknown endpoint "${String(endpoint)}". Endpoints: ${ENDPOINTS.join(', ')}.`);
  }
  if (typeof fault !== 'object' || fault === null) {
    if (!NAMED_FAULTS.includes(fault)) throw noSuchFault(`"${String(fault)}"`);
  } else if ('status' in fault) checkStatus(fault);
  else if ('delayMs' in fault) checkMilliseconds(fault, 'delayMs', fault.delayMs);
  else if ('slowBodyMs' in fault) checkMilliseconds(fault, 'slowBodyMs', fault.slowBodyMs);
  else throw noSuchFault(JSON.stringify(fault));
  if (times !== Number.POSITIVE_INFINITY) checkedNumber('fail: `times`', times, 1);
}

function checkStatus(fault: PolarEmulatorStatusFault): void {
  refuseUnknownNames('A fault with a status', fault, STATUS_NAMES);
  const { status, retryAfterSeconds, headers = {} } = fault;
  checkedInteger('fail: `status`', status, 200, 599);
  if (retryAfterSeconds !== undefined) checkedNumber('fail: `retryAfterSeconds`', retryAfterSeconds, 0);
  // Throws the error of Node.js for an invalid header.
  new Headers(headers);
}

function checkMilliseconds(fault: object, name: string, value: number): void {
  refuseUnknownNames(`A fault with ${name}`, fault, { [name]: true });
  checkedNumber(`fail: \`${name}\``, value, 0, MAX_MS);
}

function noSuchFault(fault: string): TypeError {
  const others = '{ status }, { delayMs }, { slowBodyMs }';
  return new TypeError(`fail: unknown fault ${fault}. Faults: ${NAMED_FAULTS.join(', ')}, ${others}.`);
}
