const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/**
 * The base64 of crypt(3): three bytes, given by their positions, become four digits, the least significant first. `-1`:
 * no byte.
 */
export function cryptBase64(bytes: Buffer, groups: readonly (readonly [number, number, number])[]): string {
  let text = ''
  for (const [high, middle, low] of groups) {
    let value = (at(bytes, high) << 16) | (at(bytes, middle) << 8) | at(bytes, low)
    const digits = high !== -1 ? 4 : middle !== -1 ? 3 : 2
    for (let i = 0; i < digits; i++) {
      text += DIGITS[value & 63]!
      value >>= 6
    }
  }
  return text
}

function at(bytes: Buffer, index: number): number {
  return index === -1 ? 0 : bytes[index]!
}
