import type { ReloadReport } from '../../admin/control-plane.ts'
import type { ChangeEvent } from '../../balancer/pool/states.ts'
import { contain, type FaultReport } from '../../core/containment.ts'
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

type Listener<Name extends keyof LbEvents> = (event: LbEvents[Name]) => void

/** Listeners of events. Exceptions of a listener are only logged. */
export class Events {
  readonly #listeners = {
    backend: new Set<Listener<'backend'>>(),
    reload: new Set<Listener<'reload'>>(),
    error: new Set<Listener<'error'>>()
  }
  #tellingError = false

  /** Returns a function that removes the listener. */
  on<Name extends keyof LbEvents>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners[name] as Set<Listener<Name>> | undefined
    if (listeners === undefined)
      throw new TypeError(`there is no event "${String(name)}": backend, reload, error`)
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
    return (error, listener) => {
      report(error, listener)
      this.tell('error', error instanceof Error ? error : new Error(String(error)))
    }
  }

  tell<Name extends keyof LbEvents>(name: Name, event: LbEvents[Name]): void {
    // Exceptions of a listener of `error` are not emitted again.
    if (name === 'error' && this.#tellingError) return
    this.#tellingError ||= name === 'error'
    for (const listener of [...(this.#listeners[name] as Set<Listener<Name>>)]) {
      try {
        listener(event)
      } catch (error) {
        contain(error)
      }
    }
    if (name === 'error') this.#tellingError = false
  }
}
