import { describe, expect, it } from '@jest/globals';
import { BoundedMap } from '../src/bounded-map.js';

function mapOf(limit: number, ...keys: string[]): BoundedMap<number> {
  const map = new BoundedMap<number>(limit);
  keys.forEach((key, index) => {
    map.set(key, index);
  });
  return map;
}

const present = (map: BoundedMap<number>, keys: string): string =>
  [...keys].filter((key) => map.get(key) !== undefined).join('');

describe('a bounded map', () => {
  it('keeps as many entries as it may', () => {
    const map = mapOf(3, 'a', 'b', 'c');
    expect([map.size, present(map, 'abc')]).toEqual([3, 'abc']);
  });

  it('evicts the oldest entry for a new one', () => {
    const map = mapOf(3, 'a', 'b', 'c', 'd');
    expect([map.size, present(map, 'abcd')]).toEqual([3, 'bcd']);
  });

  it('counts a read as a use', () => {
    const map = mapOf(3, 'a', 'b', 'c');
    map.get('a');
    map.set('d', 3);
    expect(present(map, 'abcd')).toBe('acd');
  });

  it('counts an overwrite as a use, and the entry once', () => {
    const map = mapOf(3, 'a', 'b', 'c', 'a');
    expect(map.size).toBe(3);
    map.set('d', 4);
    expect(present(map, 'abcd')).toBe('acd');
    expect(map.get('a')).toBe(3);
  });

  it('does not count a read of a missing entry as a use', () => {
    const map = mapOf(2, 'a', 'b');
    map.get('x');
    map.set('c', 2);
    expect([map.size, present(map, 'abcx')]).toEqual([2, 'bc']);
  });

  it('deletes an entry', () => {
    const map = mapOf(2, 'a', 'b');
    map.delete('a');
    map.delete('x');
    expect([map.size, map.get('a'), map.get('b')]).toEqual([1, undefined, 1]);
  });

  it('keeps falsy values', () => {
    const map = new BoundedMap<number | string | boolean>(3);
    map.set('zero', 0);
    map.set('empty', '');
    map.set('false', false);
    map.get('zero');
    map.set('four', 4);
    expect([map.get('zero'), map.get('empty'), map.get('false')]).toEqual([0, undefined, false]);
  });

  it('supports keys that every object has', () => {
    const map = mapOf(2, '__proto__', 'constructor');
    expect([map.get('__proto__'), map.get('toString')]).toEqual([0, undefined]);
  });

  it('with a limit of one holds the last entry', () => {
    const map = mapOf(1, 'a', 'b', 'b', 'c');
    expect([map.size, present(map, 'abc')]).toEqual([1, 'c']);
  });

  it('has room again after a deletion', () => {
    const map = mapOf(2, 'a', 'b');
    map.delete('b');
    map.set('c', 2);
    expect([map.size, present(map, 'abc')]).toEqual([2, 'ac']);
  });

  it('never grows beyond its limit', () => {
    const map = new BoundedMap<number>(100);
    for (let index = 0; index < 100_000; index++) map.set(String(index), index);
    expect([map.size, map.get('99999'), map.get('99899')]).toEqual([100, 99_999, undefined]);
  });
});
