/** The entry of `key` was replaced or removed. `from`: the instance that has the new one already. */
export interface News {
  readonly from: string
  readonly key: string
}

export function newsOf(from: string, key: string): string {
  return JSON.stringify({ from, key })
}

export function readNews(message: string): News | undefined {
  try {
    const { from, key } = JSON.parse(message) as Partial<News>
    return typeof from === 'string' && typeof key === 'string' ? { from, key } : undefined
  } catch {
    return undefined
  }
}
