import { parentPort, workerData } from 'node:worker_threads'
import { seededRandom } from '../../../../src/core/random.ts'
import type { StoredRecord } from '../../../../src/l7/cache/ports.ts'
import type { SharedStoreMemory } from '../../../../src/l7/cache/store/memory/layout.ts'
import { SharedStore } from '../../../../src/l7/cache/store/shared-store.ts'

/** What one of several threads does to a store at once; it reports what it saw that was wrong. */
interface Orders {
  readonly memory: SharedStoreMemory
  readonly index: number
  readonly operations: number
  readonly keys: number
  readonly maxBody: number
}

const { memory, index, operations, keys, maxBody } = workerData as Orders
const store = new SharedStore(memory, index, 128 * 1024)
const random = seededRandom(index + 1)
const whole = (limit: number) => Math.floor(random() * limit)

/** Bodies are windows of one pattern without short period, so a torn or moved byte shows. */
const pattern = Buffer.alloc(maxBody + 65_536)
for (let at = 0; at < pattern.length; at++) pattern[at] = (Math.imul(at, 2654435761) >>> 13) & 255

const counts = { hits: 0, misses: 0, stored: 0, aborted: 0, refused: 0, followed: 0, torn: 0 }
const problems: string[] = []

function bodyFor(key: string, version: number, length: number): Buffer {
  const start = (key.length * 31 + version * 7919) % 65_536
  return pattern.subarray(start, start + length)
}

function check(key: string, record: StoredRecord, from: number): number {
  const [name, version, length] = record.info.split('|')
  const expected = bodyFor(key, Number(version), Number(length))
  let at = from
  let complete: boolean
  for (;;) {
    // Asked before the read: the other thread may finish between the two.
    complete = record.state === 'complete'
    const piece = record.read(at, 1 + whole(9000))
    if (piece === undefined) break
    if (name !== key || !piece.equals(expected.subarray(at, at + piece.length))) {
      counts.torn++
      if (problems.length < 5) problems.push(`${key} at ${at}: ${record.info}`)
    }
    at += piece.length
  }
  if (complete && at !== Number(length)) {
    counts.torn++
    problems.push(`${key} complete with ${at} of ${length}`)
  }
  return at
}

function fill(key: string): void {
  const claim = store.claim(key, random() < 0.5)
  if (claim === undefined || !('begin' in claim)) {
    claim?.release()
    counts.refused++
    return
  }
  if (random() < 0.05) return claim.abandon()
  const length = random() < 0.7 ? whole(4000) : whole(maxBody)
  const version = whole(1e6)
  const known = random() < 0.7
  const info = `${key}|${version}|${length}`
  const writer = claim.begin({
    info,
    bytes: known ? length : undefined,
    tags: random() < 0.1 ? ['t'] : [],
    epoch: store.epochOf(key)
  })
  if (writer === undefined) {
    counts.refused++
    return
  }
  const body = bodyFor(key, version, length)
  const stopAt = random() < 0.1 ? whole(length + 1) : Infinity
  let at = 0
  const step = () => {
    while (at < length) {
      if (at >= stopAt) {
        counts.aborted++
        return writer.abort()
      }
      const chunk = body.subarray(at, at + 1 + whole(20_000))
      if (!writer.write(chunk)) {
        counts.refused++
        return
      }
      at += chunk.length
      if (random() < 0.2) return void setImmediate(step)
    }
    if (writer.finish()) counts.stored++
  }
  step()
}

/** Reads on while others evict, replace and purge. */
function follow(key: string, record: StoredRecord, at: number, rounds: number): void {
  const next = check(key, record, at)
  if (rounds === 0 || record.state !== 'filling') {
    counts.followed++
    return record.release()
  }
  record.onProgress(() => follow(key, record, next, rounds - 1))
}

async function run(): Promise<void> {
  for (let n = 0; n < operations; n++) {
    // Skewed, so that some keys are fought over.
    const key = `http://h/${Math.floor(random() ** 3 * keys)}${'k'.repeat(whole(2) * 600)}`
    const record = store.lookup(key)
    if (record === undefined) {
      counts.misses++
      fill(key)
    } else if (record.state === 'complete' && random() < 0.9) {
      counts.hits++
      check(key, record, 0)
      record.release()
      if (random() < 0.05) fill(key)
    } else if (record.state === 'reserved') record.release()
    else follow(key, record, 0, 20)
    const dice = random()
    if (dice < 0.01) store.remove(key)
    else if (dice < 0.0105) store.purge({ kind: 'url', values: [key] })
    else if (dice < 0.011) store.purge({ kind: 'tag', values: ['t'] })
    if (n % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  // What is still under way comes to its end.
  await new Promise((resolve) => setTimeout(resolve, 1200))
  parentPort!.postMessage({ ...counts, problems, pins: store.stats().pins })
}

void run()
