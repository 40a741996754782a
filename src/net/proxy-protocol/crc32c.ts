const table = new Uint32Array(256)
for (let n = 0; n < 256; n++) {
  let c = n
  // The Castagnoli polynomial, reflected (RFC 3720 appendix B.4).
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1
  table[n] = c
}

/** CRC-32C of some hundred bytes; zlib's crc32 uses another polynomial. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
