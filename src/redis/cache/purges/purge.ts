import type { CacheStore } from '../../../l7/cache/ports.ts'
import { type Ask, readAsk } from '../confirm/ask.ts'

export type Purge =
  { readonly kind: 'url' | 'prefix' | 'tag'; readonly value: string } | { readonly kind: 'all' }

export interface NumberedPurge {
  readonly number: number
  readonly purge: Purge
  readonly ask?: Ask | undefined
}

/** `ask`: who wants to know when it has been applied. */
export function purgeText(purge: Purge, ask?: string): string {
  return JSON.stringify({ ...purge, ask })
}

/** `7 {"kind":"tag","value":"red"}`; undefined: unreadable. */
export function readPurge(line: string): NumberedPurge | undefined {
  const space = line.indexOf(' ')
  const number = Number(line.slice(0, space))
  if (space < 1 || !Number.isSafeInteger(number)) return undefined
  try {
    const { kind, value, ask: asks } = JSON.parse(line.slice(space + 1)) as Record<string, unknown>
    const ask = readAsk(asks)
    if (kind === 'all') return { number, purge: { kind }, ask }
    if ((kind !== 'url' && kind !== 'prefix' && kind !== 'tag') || typeof value !== 'string') return undefined
    return { number, purge: { kind, value }, ask }
  } catch {
    return undefined
  }
}

/** Whether the purge applies to an entry with this key and these tags. */
export function concerns(purge: Purge, key: string, tags: readonly string[]): boolean {
  switch (purge.kind) {
    case 'url':
      return key === purge.value || key.startsWith(`${purge.value}\n`)
    case 'prefix':
      return key.startsWith(purge.value)
    case 'tag':
      return tags.includes(purge.value)
    case 'all':
      return true
  }
}

/** Returns how many entries were removed. */
export function purgeFrom(store: CacheStore, purge: Purge): number {
  switch (purge.kind) {
    case 'url':
      return store.removeUrl(purge.value)
    case 'prefix':
      return store.removePrefix(purge.value)
    case 'tag':
      return store.removeTag(purge.value)
    case 'all':
      return store.removeAll()
  }
}
