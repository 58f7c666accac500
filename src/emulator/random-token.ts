import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 37;
const CHECKSUM_LENGTH = 6;

/**
 * Generates a token, code, id or secret in Polar's format: prefix, 37 random characters, and their CRC-32 in 6 base-62
 * characters. (Secret scanners recognize leaked tokens by the checksum.)
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
