/** FNV-1a over the UTF-16 units of a text, or of a part of it. Its low bits spread badly: mix them. */
export function fnv1a(text: string, seed = 0, from = 0, to = text.length): number {
  let hash = seed ^ 0x811c9dc5
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}

/** 32-bit hash of a text: FNV-1a, then murmur3's finalizer, which spreads short texts too. */
export function hashString(text: string): number {
  return mix32(fnv1a(text))
}

/** murmur3's 32-bit finalizer: a bijection in which each bit of the input changes half the bits of the result. */
export function mix32(value: number): number {
  let hash = value | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
