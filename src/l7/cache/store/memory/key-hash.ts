import { fnv1a } from '../../../../core/hash-string.ts'

/**
 * Two independent 32-bit hashes of a key, and hashes of its URL and origin, which purges filter by. Results are left in
 * module variables, because an object per lookup would cost as much as the hash (80 ns for a key of 45 characters).
 */
export let hashLow = 0
export let hashHigh = 0

export function hashKey(key: string, seed: number): void {
  let low = seed | 0
  let high = ~seed | 0
  for (let at = 0; at < key.length; at++) {
    const code = key.charCodeAt(at)
    low = Math.imul(low ^ code, 0x85ebca6b)
    low ^= low >>> 13
    high = Math.imul(high ^ code, 0xc2b2ae35)
    high ^= high >>> 15
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b)
  high = Math.imul(high ^ (high >>> 16), 0xc2b2ae35)
  hashLow = low ^ (low >>> 13)
  hashHigh = high ^ (high >>> 16)
}

/** FNV-1a with a final mix: for URLs, origins and tags. */
export function hashText(text: string, seed: number): number {
  const hash = fnv1a(text, seed)
  return hash ^ (hash >>> 15)
}

/** A key up to its first newline: the URL. */
export function urlOf(key: string): string {
  const end = key.indexOf('\n')
  return end < 0 ? key : key.slice(0, end)
}

/** `scheme://host` of a URL, or of a prefix that goes beyond it; undefined when the host may not be whole. */
export function originOf(url: string): string | undefined {
  const slashes = url.indexOf('://')
  const end = slashes < 0 ? -1 : url.indexOf('/', slashes + 3)
  return end < 0 ? undefined : url.slice(0, end)
}

export function tagBit(tag: string, seed: number): number {
  return 1 << (hashText(tag, seed) & 31)
}
