import { seededRandom } from '../../src/core/random.ts'

export interface TraceRequest {
  readonly key: number
  /** Bytes of the object; always the same for one key. */
  readonly bytes: number
}

/** Ranks drawn by Zipf's law with exponent `skew`, by a table of the cumulated weights. */
export function zipfTrace(length: number, objects: number, skew: number, seed: number): TraceRequest[] {
  const random = seededRandom(seed)
  const cumulated = new Float64Array(objects)
  let sum = 0
  for (let rank = 0; rank < objects; rank++) cumulated[rank] = sum += 1 / (rank + 1) ** skew
  return Array.from({ length }, () => {
    const key = lowerBound(cumulated, random() * sum)
    return { key, bytes: sizeOf(key) }
  })
}

/** As above, and every `period` requests a scan over keys that are never asked for again, as crawlers do. */
export function scannedTrace(
  length: number,
  objects: number,
  skew: number,
  period: number,
  seed: number
): TraceRequest[] {
  let fresh = objects
  return zipfTrace(length, objects, skew, seed).map((request, n) => {
    if (n % period >= period / 5) return request
    const key = fresh++
    return { key, bytes: sizeOf(key) }
  })
}

/** 200 bytes to 30 KB, log-uniform, fixed per key. */
function sizeOf(key: number): number {
  const unit = ((Math.imul(key + 1, 0x9e3779b1) >>> 0) % 1000) / 1000
  return Math.round(200 * 150 ** unit)
}

function lowerBound(values: Float64Array, wanted: number): number {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (values[middle]! < wanted) low = middle + 1
    else high = middle
  }
  return low
}
