import type { Backend } from '../../balancer/pool/backend.ts'
import type { ChangeEvent } from '../../balancer/pool/states.ts'

/**
 * The axis that keeps a backend from being picked, whose reason and time an operator wants to see beside its state: health before
 * the operator's own word. Undefined: it may be picked.
 */
export function rulingAxis(backend: Backend): Exclude<ChangeEvent['axis'], 'weight'> | undefined {
  if (backend.probe === 'down') return 'probe'
  if (backend.ejected) return 'ejection'
  if (backend.breaker !== 'closed') return 'breaker'
  return backend.admin === 'ready' ? undefined : 'admin'
}
