import type { Backend } from '../balancer/pool/backend.ts'
import type { Pool } from '../balancer/pool/pool.ts'
import type { ChangeEvent } from '../balancer/pool/states.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { ProbeLoop, type ProbeReport } from './probe-loop.ts'
import type { Probe } from './probe.ts'
import { probes as allProbes } from './probes.ts'
import { firstProbeAfter } from './schedule.ts'
import { Turnstile } from './turnstile.ts'

export interface HealthCheckerParts {
  readonly clock: Clock
  readonly random: Random
  readonly onChange?: (event: ChangeEvent) => void
  /** Counted once per finished probe. */
  readonly onProbe?: (backend: Backend, passed: boolean, latencyMs: number) => void
  /** Probes under way at once; left out: a tenth of the backends, at least 100, at most 1,000. */
  readonly concurrency?: number
  readonly probes?: Record<string, Probe>
}

/** Runs the active probes of all pools, in the main thread, and writes PROBE into the table. */
export class HealthChecker {
  readonly #parts: HealthCheckerParts
  readonly #turnstile: Turnstile
  readonly #loops = new Map<string, ProbeLoop>()
  readonly #bySlot = new Map<number, ProbeLoop>()

  constructor(parts: HealthCheckerParts) {
    this.#parts = parts
    this.#turnstile = new Turnstile(parts.concurrency ?? 100)
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
    this.#turnstile.places = this.#parts.concurrency ?? Math.min(1000, Math.max(100, wanted.size / 10))
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
      const { clock, random, onChange, onProbe, probes = allProbes } = this.#parts
      const config = pool.config.health!
      const loop = new ProbeLoop({
        backend,
        config,
        tls: pool.config.tls,
        slowStartMs: pool.config.slowStartMs,
        probe: probes[config.type]!,
        turnstile: this.#turnstile,
        clock,
        random,
        onChange,
        onProbe
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
    return this.#turnstile.inside
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
