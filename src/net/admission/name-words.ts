import { createHash } from 'node:crypto'

/** A listener's name as two words of a key: equal on every thread without any coordination. */
export function nameWords(name: string): readonly [number, number] {
  const digest = createHash('sha256').update(name).digest()
  return [digest.readInt32LE(0) | 1, digest.readInt32LE(4)]
}
