import type { Purge } from '../ports.ts'
import type { EntryTable } from './memory/entry-table.ts'
import { hashText, originOf, tagBit, urlOf } from './memory/key-hash.ts'
import { entryStride, state, word } from './memory/layout.ts'

/** Entries checked before the lock is released once: about 20 µs where few match. */
const chunk = 1024

type Matches = (entry: number, base: number) => boolean

/**
 * Unlinks every entry that is named, or marks it as stale (`staleAt`, seconds of steadyNow). One pass, however many are
 * named. Returns how many complete responses that were; fills and the cache's own notes are purged too, uncounted.
 */
export function purge(table: EntryTable, what: Purge, staleAt: number | undefined): number {
  switch (what.kind) {
    case 'url':
      return purgeWhere(table, ofUrls(table, what.values), staleAt)
    case 'prefix':
      return purgeWhere(table, withPrefixes(table, what.values), staleAt)
    case 'tag':
      return purgeWhere(table, withTags(table, what.values), staleAt)
    case 'all':
      return purgeWhere(table, () => true, staleAt)
  }
}

/** A hash in the entry saves reading most keys. */
function ofUrls(table: EntryTable, values: readonly string[]): Matches {
  const urls = new Set(values)
  const hashes = new Set(values.map((url) => hashText(url, table.views.memory.seed)))
  return (entry, base) => hashes.has(table.words[base + word.urlHash]!) && urls.has(urlOf(table.keyOf(entry)))
}

function withPrefixes(table: EntryTable, values: readonly string[]): Matches {
  const origins = values.map(originOf)
  const known = origins.filter((origin) => origin !== undefined)
  const hashes = new Set(known.map((origin) => hashText(origin, table.views.memory.seed)))
  const anyHost = known.length < origins.length
  const prefixes = values.map((prefix) => Buffer.from(prefix, 'latin1'))
  return (entry, base) => {
    if (!anyHost && !hashes.has(table.words[base + word.originHash]!)) return false
    return prefixes.some((prefix) => table.keyBegins(entry, prefix))
  }
}

function withTags(table: EntryTable, values: readonly string[]): Matches {
  const tags = new Set(values)
  const bits = values.reduce((all, tag) => all | tagBit(tag, table.views.memory.seed), 0)
  return (entry, base) => {
    if ((table.words[base + word.tagBits]! & bits) === 0) return false
    return table
      .tagsOf(entry)
      .split('\x1f')
      .some((tag) => tags.has(tag))
  }
}

function purgeWhere(table: EntryTable, matches: Matches, staleAt: number | undefined): number {
  const { entries } = table.views.memory
  let purged = 0
  for (let from = 0; from < entries; from += chunk) {
    if (!table.lock.acquirePatiently())
      throw new Error('the cache is locked by a worker that does not answer')
    try {
      for (let entry = from; entry < Math.min(entries, from + chunk); entry++) {
        const base = entry * entryStride
        if (table.words[base + word.linked] === 0 || !matches(entry, base)) continue
        if (table.words[base + word.state] === state.complete && table.words[base + word.note] === 0) purged++
        if (staleAt === undefined) table.unlink(entry)
        else markStale(table.words, base + word.staleAt, staleAt)
      }
    } finally {
      table.lock.release()
    }
  }
  return purged
}

/** The first mark counts: the windows for stale use go on from there. */
function markStale(words: Int32Array, at: number, seconds: number): void {
  if (words[at] === 0) Atomics.store(words, at, seconds)
}
