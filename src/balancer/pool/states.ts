/** What an operator says about a backend. `drain`: no new leases; `maint`: none, and what is open may be closed. */
export type AdminState = 'ready' | 'drain' | 'maint'
/** The health checker's verdict. `unknown` (before the first verdict, or no probes) may serve. */
export type ProbeState = 'unknown' | 'up' | 'down'
/** `half-open` means that the one trial is under way. */
export type BreakerState = 'closed' | 'open' | 'half-open'

// A state is stored in shared memory as its place in these lists: the order is part of the table's layout, and
// what stands first is what zeroed memory means.
export const ADMIN_STATES = ['ready', 'drain', 'maint'] as const satisfies readonly AdminState[]
export const PROBE_STATES = ['unknown', 'up', 'down'] as const satisfies readonly ProbeState[]
export const BREAKER_STATES = ['closed', 'open', 'half-open'] as const satisfies readonly BreakerState[]

export const READY = 0
export const DRAIN = 1
export const PROBE_UP = 1
export const PROBE_DOWN = 2
export const CLOSED = 0
export const OPEN = 1
export const HALF_OPEN = 2

/** One change of one backend's state: told once, by the thread that made it, and logged as one line. */
export interface ChangeEvent {
  readonly pool: string
  readonly backend: string
  readonly axis: 'admin' | 'probe' | 'breaker' | 'ejection' | 'weight'
  readonly from: string
  readonly to: string
  readonly reason: string
}
