import type { Clock } from '../../core/clock.ts'
import * as at from '../table/columns.ts'
import type { Backend } from './backend.ts'

/** The ramp moves in this many steps: a step costs each thread one rebuild of its view. */
export const RAMP_STEPS = 20
const START = 0.1

/** Share of its weight that a backend gets `sinceMs` into its slow start: from 10 % to 100 % in a straight line. */
export function ramp(sinceMs: number, slowStartMs: number): number {
  if (sinceMs >= slowStartMs) return 1
  return START + (1 - START) * Math.max(0, sinceMs / slowStartMs)
}

/** Begins a backend's slow start: it has recovered, or an operator brought it back. Never at process start. */
export function beginSlowStart(backend: Backend, slowStartMs: number, clock: Clock): void {
  if (slowStartMs > 0) backend.table.setFloat(backend.slot, at.SLOW_SINCE, clock.now())
}
