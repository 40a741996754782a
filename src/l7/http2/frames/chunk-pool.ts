/** The largest write of a connection: four TLS records. */
export const CHUNK_BYTES = 65_536
/** Buffers beyond this number are left to the garbage collector. */
const MAX_SPARE = 64

/**
 * Buffers of this thread in which connections build their frames. A connection holds one only while it has something to
 * send.
 */
const spare: Buffer[] = []

export function takeChunk(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
}

/** Nothing refers to the chunk any more. */
export function giveChunk(chunk: Buffer): void {
  if (spare.length < MAX_SPARE) spare.push(chunk)
}
