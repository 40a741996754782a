import { crc32 } from 'node:zlib'
import { decodeEntry, encodeEntry, type Entry, staleSince } from '../../l7/cache/entry.ts'
import { disconnectedMs } from '../../l7/cache/policy/reuse.ts'
import type { RecordHead } from '../../l7/cache/ports.ts'

/** Changes with the format: instances of another version ignore the entry. */
const VERSION = 2
const MIN_LIFE_MS = 60_000
const MAX_LIFE_MS = 30 * 24 * 3_600_000
/** What is stale is older than a second, or nearly. */
const CLOCKS_DIFFER_MS = 100
const MARKER_LIFE_MS = 24 * 3_600_000

/** The part of an entry that is stored beside its body. */
export interface WireHead {
  readonly key: string
  readonly info: string
  readonly tags: readonly string[]
  readonly note: boolean
  /** Length of the body. */
  readonly bytes: number
  /** Checksum of each piece. */
  readonly sums: readonly number[]
  /** Number of the last purge before the response was requested. */
  readonly purge: number
}

export interface Read extends WireHead {
  readonly id: string
}

/** Checksum, id and number of pieces at fixed positions for scripts, then the rest. */
export function encodeHead(id: string, head: WireHead): Buffer {
  const json = Buffer.from(JSON.stringify({ version: VERSION, ...head }), 'utf8')
  const start = `${id} ${head.sums.length} `
  return Buffer.concat([Buffer.from(`${hex(crc32(json, crc32(start)))} ${start}`), json])
}

/** Undefined when it is malformed, of another version, or damaged. */
export function decodeHead(written: Buffer): Read | undefined {
  const match = /^([\da-f]{8}) (([\w-]{22}) (\d{1,6}) )/.exec(written.toString('latin1', 0, 64))
  if (match === null) return undefined
  const [all, sum, start, id] = match as unknown as [string, string, string, string]
  const json = written.subarray(all.length)
  if (hex(crc32(json, crc32(start))) !== sum) return undefined
  try {
    const head = JSON.parse(json.toString('utf8')) as Read & { version: number }
    return head.version === VERSION ? { ...head, id } : undefined
  } catch {
    return undefined
  }
}

/**
 * The text of a head with its times moved by `ms`: every machine has its own clock. Undefined: unreadable. `staleAt`:
 * since when it counts as stale, by the clock that it was written with; 0: it does not.
 */
export function movedInfo(info: string, ms: number, staleAt = 0): string | undefined {
  const read = entryIn(info)
  if (read === undefined) return undefined
  const entry = staleAt > 0 && read.kind === 'response' ? staleSince(read, staleAt) : read
  if (entry.kind === 'response') return encodeEntry({ ...entry, storedAt: entry.storedAt + ms })
  return encodeEntry(entry.kind === 'pass' ? { ...entry, until: entry.until + ms } : entry)
}

/** Whether one head is of a later answer than the other; clocks may differ a little. */
export function isLater(info: string, than: string): boolean {
  const [one, other] = [entryIn(info), entryIn(than)]
  if (one?.kind !== 'response' || other?.kind !== 'response') return one?.kind !== other?.kind
  return one.storedAt > other.storedAt + CLOCKS_DIFFER_MS
}

/** How long Redis keeps it: as long as it may be used or validated, and an hour more in case the origin is away. */
export function lifeOf({ info }: Pick<RecordHead, 'info'>, now: number): number {
  const entry = entryIn(info)
  if (entry === undefined || entry.kind === 'vary') return MARKER_LIFE_MS
  if (entry.kind === 'pass') return Math.max(1, Math.ceil(entry.until - now))
  const windows = Math.max(entry.staleWhileRevalidate ?? 0, entry.staleIfError ?? 0, disconnectedMs)
  const left = entry.lifetime - entry.initialAge - (now - entry.storedAt)
  return Math.ceil(Math.min(MAX_LIFE_MS, Math.max(MIN_LIFE_MS, left + windows)))
}

function entryIn(info: string): Entry | undefined {
  try {
    return decodeEntry(info)
  } catch {
    return undefined
  }
}

function hex(sum: number): string {
  return sum.toString(16).padStart(8, '0')
}
