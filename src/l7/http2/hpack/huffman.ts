/**
 * Code length in bits of each symbol, 0 to 255 and EOS (RFC 7541 appendix B). The code is canonical: shorter codes
 * first, and among those of one length the symbols in order, so the lengths define it.
 */
const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30
] // prettier-ignore

const EOS = 256
const FAIL = 1 << 26

/**
 * For each inner node of the tree and each byte: up to two symbols that the byte completes (bits 0 and 8), the next
 * node (16), the number of symbols (24), and FAIL. 256 KiB per thread, made on first use.
 */
let table: Int32Array | undefined
/** Nodes at which a string may end: fewer than eight bits from the root, all of them ones (RFC 7541 §5.2). */
const ends = new Uint8Array(256)

/** Decodes into `out` and returns the number of bytes; -1 for an invalid code, -2 when `out` is too small. */
export function decodeHuffman(buffer: Buffer, start: number, end: number, out: Uint8Array): number {
  const steps = (table ??= makeTable())
  // Two symbols per byte at most; where they fit in any case, the check per byte is skipped.
  const fits = 2 * (end - start) <= out.length
  let node = 0
  let size = 0
  for (let p = start; p < end; p++) {
    const step = steps[(node << 8) | buffer[p]!]!
    if ((step & FAIL) !== 0) return -1
    const count = step >>> 24
    if (count !== 0) {
      if (!fits && size + count > out.length) return -2
      out[size++] = step
      if (count === 2) out[size++] = step >>> 8
    }
    node = (step >>> 16) & 255
  }
  return ends[node] === 1 ? size : -1
}

function makeTable(): Int32Array {
  const tree = makeTree()
  const steps = new Int32Array(256 * 256)
  for (let from = 0; from < 256; from++) {
    for (let byte = 0; byte < 256; byte++) steps[(from << 8) | byte] = stepFrom(tree, from, byte)
  }
  ends[0] = 1
  for (let node = 0, depth = 1; depth < 8; depth++) {
    node = tree[2 * node + 1]!
    ends[node] = 1
  }
  return steps
}

function stepFrom(tree: Int32Array, from: number, byte: number): number {
  let node = from
  let symbols = 0
  let count = 0
  for (let bit = 7; bit >= 0; bit--) {
    const next = tree[2 * node + ((byte >>> bit) & 1)]!
    if (next >= 0) {
      node = next
      continue
    }
    const symbol = -next - 1
    if (symbol === EOS) return FAIL
    symbols |= symbol << (8 * count++)
    node = 0
  }
  return symbols | (node << 16) | (count << 24)
}

/** Two children per inner node: the number of an inner node, or a symbol as -symbol - 1. */
function makeTree(): Int32Array {
  const tree = new Int32Array(2 * 256)
  let nodes = 1
  let code = 0
  let length = 0
  const inOrder = LENGTHS.map((bits, symbol) => ({ bits, symbol })).sort(
    (a, b) => a.bits - b.bits || a.symbol - b.symbol
  )
  for (const { bits, symbol } of inOrder) {
    code <<= bits - length
    length = bits
    let node = 0
    for (let bit = bits - 1; bit > 0; bit--) {
      const at = 2 * node + ((code >>> bit) & 1)
      if (tree[at] === 0) tree[at] = nodes++
      node = tree[at]!
    }
    tree[2 * node + (code & 1)] = -symbol - 1
    code++
  }
  return tree
}
