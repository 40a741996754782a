import { type Ask, readAsk } from '../confirm/ask.ts'

/** The entry of `key` was replaced or removed. `from`: the instance that has the new one already. */
export interface News {
  readonly from: string
  readonly key: string
  readonly ask?: Ask | undefined
}

/** `ask`: who wants to know when it has been applied. */
export function newsOf(from: string, key: string, ask?: string): string {
  return JSON.stringify({ from, key, ask })
}

export function readNews(message: string): News | undefined {
  try {
    const { from, key, ask } = JSON.parse(message) as Record<string, unknown>
    if (typeof from !== 'string' || typeof key !== 'string') return undefined
    return { from, key, ask: readAsk(ask) }
  } catch {
    return undefined
  }
}
