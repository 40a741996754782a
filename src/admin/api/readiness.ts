import type { InfoView, ListenerView, PoolView } from '../control-plane.ts'

export interface Readiness {
  readonly ready: boolean
  /** Why it is not ready; empty when it is. */
  readonly reasons: readonly string[]
}

/** What strangers may see: the kind of reason, but no names and no addresses. */
export function withoutNames({ ready, reasons }: Readiness): Readiness {
  const kinds = new Set(
    reasons.map((reason) => {
      if (reason.startsWith('draining')) return reason
      if (reason.startsWith('listener ')) return 'a listener is not bound'
      return reason.startsWith('pool ') ? 'a pool has no usable backend' : 'lb itself is in trouble'
    })
  )
  return { ready, reasons: [...kinds] }
}

/** Most reasons to report: with 10,000 backends down, the first ones are enough. */
const MAX_REASONS = 20

/**
 * Ready: not draining, no trouble in lb itself, every listener bound, and a usable backend in every pool. Where one
 * dead pool must not take all others out of rotation, `only` names the pools that count.
 */
export function readiness(
  info: InfoView,
  listeners: readonly ListenerView[],
  pools: readonly PoolView[],
  only: readonly string[] = [],
  troubles: readonly string[] = []
): Readiness {
  const reasons: string[] = [...troubles]
  if (info.state === 'draining') reasons.push('draining: shutting down')
  for (const listener of listeners) {
    for (const { address, bound } of listener.binds) {
      if (!bound) reasons.push(`listener ${listener.name}: ${address} is not bound`)
    }
  }
  for (const name of only) {
    if (!pools.some((pool) => pool.name === name)) reasons.push(`pool ${name}: there is no such pool`)
  }
  for (const pool of pools) {
    if (only.length > 0 && !only.includes(pool.name)) continue
    if (pool.usable === 0) reasons.push(`pool ${pool.name}: ${noneUsable(pool.backends.length)}`)
  }
  if (reasons.length > MAX_REASONS)
    reasons.splice(MAX_REASONS, Infinity, `and ${reasons.length - MAX_REASONS} more`)
  return { ready: reasons.length === 0, reasons }
}

/** A pool whose backends are discovered may have none. */
function noneUsable(backends: number): string {
  return backends === 0 ? 'it has no backends' : `none of ${backends} backends is usable`
}
