import type { EntryTable } from './memory/entry-table.ts'
import { hashText, originOf, tagBit } from './memory/key-hash.ts'
import { entryStride, state, word } from './memory/layout.ts'

/** Entries checked before the lock is released once: about 20 µs where few match. */
const chunk = 1024

/** Unlinks every entry of the URL, whatever else is in the key. A hash in the entry saves reading most keys. */
export function purgeUrl(table: EntryTable, url: string): number {
  const hash = hashText(url, table.views.memory.seed)
  return purgeWhere(table, (entry, base) => {
    if (table.words[base + word.urlHash] !== hash) return false
    const key = table.keyOf(entry)
    return key === url || key.startsWith(`${url}\n`)
  })
}

export function purgePrefix(table: EntryTable, prefix: string): number {
  const origin = originOf(prefix)
  const hash = origin === undefined ? undefined : hashText(origin, table.views.memory.seed)
  return purgeWhere(table, (entry, base) => {
    if (hash !== undefined && table.words[base + word.originHash] !== hash) return false
    return table.keyOf(entry).startsWith(prefix)
  })
}

export function purgeTag(table: EntryTable, tag: string): number {
  const bit = tagBit(tag, table.views.memory.seed)
  return purgeWhere(table, (entry, base) => {
    if ((table.words[base + word.tagBits]! & bit) === 0) return false
    return table.tagsOf(entry).split('\x1f').includes(tag)
  })
}

export function purgeAll(table: EntryTable): number {
  return purgeWhere(table, () => true)
}

/** Returns how many complete responses were purged; fills and the cache's own notes are purged too, uncounted. */
function purgeWhere(table: EntryTable, matches: (entry: number, base: number) => boolean): number {
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
        table.unlink(entry)
      }
    } finally {
      table.lock.release()
    }
  }
  return purged
}
