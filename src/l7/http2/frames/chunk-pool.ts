/** One write of a connection at most: four TLS records. */
export const CHUNK_BYTES = 65_536
/** More than this are left to the garbage collector. */
const MAX_SPARE = 64

/** Buffers of this thread that connections build their frames in. A connection holds one only while it has something to send. */
const spare: Buffer[] = []

export function takeChunk(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
}

/** Nobody refers to it any more. */
export function giveChunk(chunk: Buffer): void {
  if (spare.length < MAX_SPARE) spare.push(chunk)
}
