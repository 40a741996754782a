/** RFC 9211. This cache calls itself "lb"; times are in seconds and may be negative for a stale hit. */
export function statusHit(ttlMs: number, detail?: string): string {
  return `lb; hit; ttl=${Math.floor(ttlMs / 1000)}${detail === undefined ? '' : `; detail=${detail}`}`
}

/** Neither answered from the cache nor forwarded. */
export function statusUnanswered(detail: string): string {
  return `lb; detail=${detail}`
}

export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'stale' | 'request' | 'partial'

export interface ForwardFacts {
  readonly forward: ForwardReason
  readonly forwardStatus?: number
  readonly stored?: boolean
  readonly collapsed?: boolean
  readonly detail?: string
}

export function statusForwarded(facts: ForwardFacts): string {
  let text = `lb; fwd=${facts.forward}`
  if (facts.forwardStatus !== undefined) text += `; fwd-status=${facts.forwardStatus}`
  if (facts.stored === true) text += '; stored'
  if (facts.collapsed === true) text += '; collapsed'
  if (facts.detail !== undefined) text += `; detail=${facts.detail}`
  return text
}
