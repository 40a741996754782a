/** An address of 4 or 16 bytes in network order as text (RFC 5952); IPv4-mapped ones as the IPv4 address. */
export function formatIp(buffer: Buffer, at: number, bytes: number): string {
  if (bytes === 4) return dotted(buffer, at)
  const groups = Array.from({ length: 8 }, (_, i) => buffer.readUInt16BE(at + 2 * i))
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) return dotted(buffer, at + 12)
  // RFC 5952 §4.2: `::` stands for the longest run of zeros, the first of equals, never for a single one.
  let gap = -1
  let gapLength = 1
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > gapLength) {
      gap = i
      gapLength = run
    }
    i += run
  }
  const hex = groups.map((group) => group.toString(16))
  if (gap === -1) return hex.join(':')
  return `${hex.slice(0, gap).join(':')}::${hex.slice(gap + gapLength).join(':')}`
}

function dotted(buffer: Buffer, at: number): string {
  return `${buffer[at]}.${buffer[at + 1]}.${buffer[at + 2]}.${buffer[at + 3]}`
}
