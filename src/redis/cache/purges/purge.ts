import { urlOf } from '../../../l7/cache/store/memory/key-hash.ts'
import type { Purge } from '../../../l7/cache/ports.ts'
import { type Ask, readAsk } from '../confirm/ask.ts'

export interface NumberedPurge {
  readonly number: number
  readonly purge: Purge
  /** What is named stays, and is stale since then: ms of the server's clock. */
  readonly staleAt?: number | undefined
  readonly ask?: Ask | undefined
}

/** How the text of a soft purge begins; the script puts the time of the server in place of `true`. */
export const SOFT_BEGINS = '{"soft":true,'

/** `soft`: what is named stays, as stale. `ask`: who wants to know when it has been applied. */
export function purgeText(
  purge: Purge,
  { soft, ask }: { soft?: boolean; ask?: string | undefined } = {}
): string {
  const head = soft === true ? { soft } : {}
  return JSON.stringify({ ...head, ...purge, ask })
}

/** `7 {"kind":"tag","values":["red"]}`; undefined: unreadable. */
export function readPurge(line: string): NumberedPurge | undefined {
  const space = line.indexOf(' ')
  const number = Number(line.slice(0, space))
  if (space < 1 || !Number.isSafeInteger(number)) return undefined
  try {
    const { kind, values, soft, ask } = JSON.parse(line.slice(space + 1)) as Record<string, unknown>
    const purge = purgeOf(kind, values)
    if (purge === undefined) return undefined
    return { number, purge, staleAt: typeof soft === 'number' ? soft : undefined, ask: readAsk(ask) }
  } catch {
    return undefined
  }
}

function purgeOf(kind: unknown, values: unknown): Purge | undefined {
  if (kind === 'all') return { kind }
  if (kind !== 'url' && kind !== 'prefix' && kind !== 'tag') return undefined
  if (!Array.isArray(values) || !values.every((value) => typeof value === 'string')) return undefined
  return { kind, values }
}

/** Whether the purge applies to an entry with this key and these tags. */
export function concerns(purge: Purge, key: string, tags: readonly string[]): boolean {
  switch (purge.kind) {
    case 'url':
      return purge.values.includes(urlOf(key))
    case 'prefix':
      return purge.values.some((prefix) => key.startsWith(prefix))
    case 'tag':
      return purge.values.some((tag) => tags.includes(tag))
    case 'all':
      return true
  }
}
