import type { ReloadReport } from '../../admin/control-plane.ts'
import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { FaultReport } from '../../core/containment.ts'
import { own } from '../../core/own.ts'
import type { Counter } from '../../core/metrics/metrics.ts'

/** Events by name, with their data. */
export interface LbEvents {
  /** A backend has changed: its health, breaker, weight, or state set by an operator. */
  readonly backend: ChangeEvent
  /** A configuration was put in force, or refused (`errors`). */
  readonly reload: ReloadReport
  /** A fault in the main thread, or a worker that ended and is being replaced. It has been contained and logged. */
  readonly error: Error
}

type Listener<Name extends keyof LbEvents> = (event: LbEvents[Name]) => unknown

/** Listeners of events. Exceptions of a listener, and promises of it that fail, are only logged. */
export class Events {
  /** Logs, and emits. Unset in tests of one part. */
  #report: FaultReport | undefined
  readonly #listeners = {
    backend: new Set<Listener<'backend'>>(),
    reload: new Set<Listener<'reload'>>(),
    error: new Set<Listener<'error'>>()
  }
  #tellingError = false

  /** Returns a function that removes the listener. */
  on<Name extends keyof LbEvents>(name: Name, listener: Listener<Name>): () => void {
    const listeners = own(this.#listeners, name) as Set<Listener<Name>> | undefined
    if (listeners === undefined)
      throw new TypeError(`there is no event "${String(name)}": backend, reload, error`)
    if (typeof listener !== 'function')
      throw new TypeError(
        `on("${name}", …) takes a function, not ${listener === null ? 'null' : typeof listener}`
      )
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  /** Emits the report and returns it; the report of a plan is not emitted. */
  reloaded(report: ReloadReport, plan = false): ReloadReport {
    if (!plan) this.tell('reload', report)
    return report
  }

  /** A worker was replaced. */
  restarted(restarts: Counter): void {
    restarts.add()
    this.tell('error', new Error('a worker ended and is replaced'))
  }

  /** `report` that also emits faults. */
  hearing(report: FaultReport): FaultReport {
    this.#report = (error, listener) => {
      report(error, listener)
      this.tell('error', error instanceof Error ? error : new Error(String(error)))
    }
    return this.#report
  }

  #failed(error: unknown): void {
    try {
      this.#report?.(error, undefined)
    } catch {
      // A log that cannot be written to ends nothing.
    }
  }

  tell<Name extends keyof LbEvents>(name: Name, event: LbEvents[Name]): void {
    // Exceptions of a listener of `error` are not emitted again.
    if (name === 'error' && this.#tellingError) return
    this.#tellingError ||= name === 'error'
    for (const listener of [...(this.#listeners[name] as Set<Listener<Name>>)]) {
      try {
        const waits = listener(event)
        if (waits instanceof Promise) waits.catch((error: unknown) => this.#failed(error))
      } catch (error) {
        this.#failed(error)
      }
    }
    if (name === 'error') this.#tellingError = false
  }
}
