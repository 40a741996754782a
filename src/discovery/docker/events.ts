/** Actions that change nothing of what is read about a container; health checks cause three of them each time. */
const OF_NO_MATTER =
  /^(?:exec_|top$|attach$|detach$|resize$|copy$|archive-path$|extract-to-dir$|export$|commit$)/

/**
 * What a line of `GET /events` says (Docker Engine API, SystemEvents): which container may have changed, by its id;
 * undefined: any of them. Pure.
 */
export function eventOf(line: string): { readonly container: string } | 'of no matter' | undefined {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const { Type, Action, Actor, id } = event as {
    Type?: unknown
    Action?: unknown
    Actor?: { ID?: unknown; Attributes?: { container?: unknown } | null } | null
    id?: unknown
  }
  if (typeof Action === 'string' && OF_NO_MATTER.test(Action)) return 'of no matter'
  const named = Type === 'container' ? (Actor?.ID ?? id) : Actor?.Attributes?.container
  return typeof named === 'string' && /^[0-9a-f]{64}$/.test(named) ? { container: named } : undefined
}
