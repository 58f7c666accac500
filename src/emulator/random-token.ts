import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 37;
const CHECKSUM_LENGTH = 6;

/**
 * A token, code, id or secret in Polar's form: prefix, 37 random characters, and the base-62 CRC-32 of those
 * characters in 6. (Secret scanners recognise leaked tokens by the checksum.)
 */
export function randomToken(prefix: string): string {
  let random = '';
  while (random.length < RANDOM_LENGTH) random += LETTERS.charAt(randomInt(LETTERS.length));
  return prefix + random + checksum(random);
}

function checksum(text: string): string {
  let digits = '';
  for (let rest = crc32(text); rest > 0; rest = Math.floor(rest / LETTERS.length)) {
    digits = LETTERS.charAt(rest % LETTERS.length) + digits;
  }
  return digits.padStart(CHECKSUM_LENGTH, '0');
}
