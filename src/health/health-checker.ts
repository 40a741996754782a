import type { Backend } from '../balancer/pool/backend.ts'
import type { Pool } from '../balancer/pool/pool.ts'
import type { ChangeEvent } from '../balancer/pool/states.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { Agenda } from './agenda.ts'
import { ProbeLoop, type ProbeReport, type ProbeResult } from './probe-loop.ts'
import { placesFor, ProbePlaces } from './probe-places.ts'
import type { Probe } from './probe.ts'
import { probes as allProbes } from './probes.ts'
import { firstProbeAfter } from './schedule.ts'

export interface HealthCheckerDeps {
  readonly clock: Clock
  readonly random: Random
  readonly onChange?: (event: ChangeEvent) => void
  /** Counted once per finished probe. */
  readonly onProbe?: (backend: Backend, result: ProbeResult, latencyMs: number) => void
  /** A probe could not be made, for a reason of this machine's. At most one call in ten seconds. */
  readonly onUnable?: (backend: Backend, reason: string) => void
  /** Probes under way at once; left out: as many as may be needed (see placesFor). */
  readonly concurrency?: number
  readonly probes?: Record<string, Probe>
}

/** A machine without descriptors fails thousands of probes in the same way. */
const UNABLE_EVERY_MS = 10_000

/** Runs the active probes of all pools, in the main thread, and writes PROBE into the table. */
export class HealthChecker {
  readonly #deps: HealthCheckerDeps
  readonly #places: ProbePlaces
  readonly #agenda: Agenda
  readonly #loops = new Map<string, ProbeLoop>()
  readonly #bySlot = new Map<number, ProbeLoop>()
  #toldUnable = -Infinity

  constructor(deps: HealthCheckerDeps) {
    this.#deps = deps
    this.#places = new ProbePlaces(deps.concurrency ?? 0)
    this.#agenda = new Agenda(deps.clock)
  }

  /**
   * Probes the backends of exactly these pools. Called again after a reload: what is still probed in the same way goes
   * on undisturbed, what is gone is stopped in mid-probe.
   */
  watch(pools: readonly Pool[]): void {
    const wanted = new Map<string, { pool: Pool; backend: Backend }>()
    for (const pool of pools) {
      if (pool.config.health === undefined) continue
      for (const backend of pool.backends) wanted.set(identity(pool, backend), { pool, backend })
    }
    this.#places.places = this.#deps.concurrency ?? placesFor(wanted.size)
    const stopped = new Map<number, ProbeLoop>()
    for (const [key, loop] of this.#loops) {
      const still = wanted.get(key)
      if (still !== undefined) {
        loop.adopt(still.backend, still.pool.config.slowStartMs)
        wanted.delete(key)
        continue
      }
      loop.stop()
      stopped.set(loop.backend.slot, loop)
      this.#loops.delete(key)
    }
    let index = 0
    for (const [key, { pool, backend }] of wanted) {
      const { clock, random, onChange, onProbe, probes = allProbes } = this.#deps
      const onUnable = (failed: Backend, reason: string) => this.#unable(failed, reason)
      const config = pool.config.health!
      const loop = new ProbeLoop({
        backend,
        config,
        tls: pool.config.tls,
        slowStartMs: pool.config.slowStartMs,
        probe: probes[config.type]!,
        places: this.#places,
        agenda: this.#agenda,
        clock,
        random,
        onChange,
        onProbe,
        onUnable
      })
      this.#loops.set(key, loop)
      loop.start(firstProbeAfter(index++, wanted.size, config.intervalMs))
      stopped.delete(backend.slot)
    }
    // No longer probed: the last verdict must not stand for ever.
    for (const loop of stopped.values()) loop.forget()
    this.#bySlot.clear()
    for (const loop of this.#loops.values()) this.#bySlot.set(loop.backend.slot, loop)
  }

  /** The last probe of a backend, or undefined before the first. */
  report(backend: Backend): ProbeReport | undefined {
    return this.#bySlot.get(backend.slot)?.report
  }

  get probing(): number {
    return this.#places.inside
  }

  #unable(backend: Backend, reason: string): void {
    const now = this.#deps.clock.now()
    if (now - this.#toldUnable < UNABLE_EVERY_MS) return
    this.#toldUnable = now
    this.#deps.onUnable?.(backend, reason)
  }

  close(): void {
    for (const loop of this.#loops.values()) loop.stop()
    this.#loops.clear()
  }
}

/** The same backend probed in the same way. */
function identity(pool: Pool, backend: Backend): string {
  return JSON.stringify([backend.slot, pool.config.health, pool.config.tls])
}
