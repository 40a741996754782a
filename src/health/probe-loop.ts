import type { Backend } from '../balancer/pool/backend.ts'
import * as at from '../balancer/table/columns.ts'
import { beginSlowStart } from '../balancer/pool/slow-start.ts'
import { PROBE_STATES, type ChangeEvent } from '../balancer/pool/states.ts'
import type { BackendAddress, BackendTls, ProbeConfig } from '../config/model/model.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { ProbePlaces } from './probe-places.ts'
import { failureText, isOurs, type Probe } from './probe.ts'
import { untilNextProbe } from './schedule.ts'
import { judge, riseOf, UNKNOWN, type Standing } from './thresholds.ts'
import type { Agenda } from './agenda.ts'
import { trialIsDue } from './breaker.ts'

/** `unable`: the probe could not be made for a local reason; it says nothing about the backend. */
export type ProbeResult = 'ok' | 'fail' | 'unable'

export interface ProbeReport {
  readonly passed: boolean
  /** What was seen, or why it failed. */
  readonly text: string
  readonly latencyMs: number
  /** Wall clock. */
  readonly at: number
}

export interface ProbeLoopDeps {
  readonly backend: Backend
  readonly config: ProbeConfig
  readonly tls: BackendTls | undefined
  readonly slowStartMs: number
  readonly probe: Probe
  readonly places: ProbePlaces
  readonly agenda: Agenda
  readonly clock: Clock
  readonly random: Random
  readonly onChange: ((event: ChangeEvent) => void) | undefined
  readonly onProbe: ((backend: Backend, result: ProbeResult, latencyMs: number) => void) | undefined
  readonly onUnable: (backend: Backend, reason: string) => void
}

/** A timeout that comes this much late says that this thread was busy, not that the backend is slow. */
const LATE_MS = 50

// Made once: a reason with its stack costs as much as a probe's system calls.
const expired = new Error('no answer in time')
const stopped = new Error('no longer probed')

/** Probes one backend again and again, and writes its verdict. */
export class ProbeLoop {
  backend: Backend
  report: ProbeReport | undefined
  readonly #deps: ProbeLoopDeps
  #slowStartMs: number
  #standing: Standing
  #failures = 0
  /** Probes passed in a row since the last that failed; Infinity before the first failure. */
  #passes = Infinity
  #cancel: () => void = () => {}
  #abort: AbortController | undefined
  #stopped = false

  constructor(deps: ProbeLoopDeps) {
    this.#deps = deps
    this.backend = deps.backend
    this.#slowStartMs = deps.slowStartMs
    // A verdict from before a change of the probe's settings holds until the new probes say otherwise.
    this.#standing = { ...UNKNOWN, state: deps.backend.probe }
  }

  /** The same backend in a newer snapshot. */
  adopt(backend: Backend, slowStartMs: number): void {
    this.backend = backend
    this.#slowStartMs = slowStartMs
  }

  start(afterMs: number): void {
    this.#cancel = this.#deps.agenda.after(afterMs, () => {
      this.#cancel = this.#deps.places.enter(this.#deps.backend.pool, () => this.#run())
    })
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
    this.#abort?.abort(stopped)
  }

  /** Back to "never probed". */
  forget(): void {
    if (this.backend.table.exchange(this.backend.slot, at.PROBE, 0))
      this.backend.table.bump(this.backend.slot)
  }

  #run(): void {
    const { clock, config, probe, tls, places, random } = this.#deps
    const abort = (this.#abort = new AbortController())
    const startedAt = clock.now()
    let over = false
    const finish = (result: ProbeResult, text: string) => {
      if (over) return
      over = true
      cancelTimeout()
      places.leave(this.#deps.backend.pool)
      if (this.#stopped) return
      const latencyMs = clock.now() - startedAt
      if (result === 'unable') this.#unable(text, latencyMs)
      else this.#record(result === 'ok', text, latencyMs)
      // start() counts from now; the schedule counts from the start of this probe.
      this.start(Math.max(0, untilNextProbe(this.#standing, config, random) - latencyMs))
    }
    const expire = () => {
      finish('fail', `no answer within ${config.timeoutMs} ms`)
      abort.abort(expired)
    }
    let cancelTimeout = clock.after(config.timeoutMs, () => {
      // This thread was busy, and an answer that came in time may be unread: read it first.
      if (clock.now() - startedAt > config.timeoutMs + LATE_MS) cancelTimeout = clock.after(LATE_MS, expire)
      else expire()
    })
    probe({ address: probedAddress(this.backend.address, config.port), config, tls }, abort.signal).then(
      (text) => finish('ok', text),
      (error: unknown) => finish(isOurs(error) ? 'unable' : 'fail', failureText(error))
    )
  }

  /** Leaves the standing unchanged. */
  #unable(text: string, latencyMs: number): void {
    const { clock, onProbe, onUnable } = this.#deps
    this.report = { passed: false, text: `not judged: ${text}`, latencyMs, at: clock.wall() }
    onProbe?.(this.backend, 'unable', latencyMs)
    onUnable(this.backend, text)
  }

  #record(passed: boolean, text: string, latencyMs: number): void {
    const { clock, config, onChange, onProbe } = this.#deps
    const { table, slot, pool, name } = this.backend
    const wall = clock.wall()
    this.report = { passed, text, latencyMs, at: wall }
    this.#failures = passed ? 0 : this.#failures + 1
    Atomics.store(table.ints, slot * at.INTS + at.PROBE_FAILURES, this.#failures)
    if (passed) table.setFloat(slot, at.LAST_HEALTHY, wall)
    onProbe?.(this.backend, passed ? 'ok' : 'fail', latencyMs)

    const before = this.#standing
    this.#passes = passed ? this.#passes + 1 : 0
    // The backend was down and has returned: a breaker that opened meanwhile lets its trial through now.
    if (this.#passes === riseOf(before, config)) trialIsDue(this.backend, clock)
    this.#standing = judge(before, passed, config, clock.now())
    const { state } = this.#standing
    if (state === before.state) return
    if (before.state === 'down') beginSlowStart(this.backend, this.#slowStartMs, clock)
    table.setFloat(slot, at.PROBE_SINCE, wall)
    table.exchange(slot, at.PROBE, PROBE_STATES.indexOf(state))
    table.bump(slot)
    const failed = this.#failures === 1 ? 'probe failed' : `${this.#failures} probes failed`
    const reason = passed ? `probe passed: ${text}` : `${failed}: ${text}`
    onChange?.({ pool, backend: name, axis: 'probe', from: before.state, to: state, reason })
  }
}

function probedAddress(address: BackendAddress, port: number | undefined): BackendAddress {
  if (port === undefined || address.kind === 'unix') return address
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return { ...address, port, text: `${host}:${port}` }
}
