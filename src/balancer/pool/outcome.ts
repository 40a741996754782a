/**
 * How a lease ended, told once when it is released. The breaker and the outlier detector hear of it.
 * `cancelled` (the client went away) and `unused` (nothing was tried) say nothing about the backend. `loaded`: it answered
 * that it has too much to do for now (429 or 503 with Retry-After): load, by which least-time goes, and no failure.
 */
export type Outcome =
  | 'ok'
  | 'connect-failure'
  | 'connect-timeout'
  | 'reset'
  | 'timeout'
  | 'protocol-error'
  | 'bad-status'
  | 'loaded'
  | 'cancelled'
  | 'unused'

/** True, false, or undefined when it says nothing about the backend. */
export function succeeded(outcome: Outcome): boolean | undefined {
  if (outcome === 'ok') return true
  return outcome === 'cancelled' || outcome === 'unused' || outcome === 'loaded' ? undefined : false
}
