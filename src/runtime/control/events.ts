import type { ReloadReport } from '../../admin/control-plane.ts'
import type { ChangeEvent } from '../../balancer/pool/states.ts'
import { contain, type FaultReport } from '../../core/containment.ts'
import type { Counter } from '../../core/metrics/metrics.ts'

/** What happens, by name, with what is told of it. */
export interface LbEvents {
  /** A backend has changed: its health, breaker, weight, or what an operator says of it. */
  readonly backend: ChangeEvent
  /** A configuration was put in force, or refused (`errors`). */
  readonly reload: ReloadReport
  /** A fault in the main thread, or a worker that ended and is replaced. It is contained and logged already. */
  readonly error: Error
}

type Listener<Name extends keyof LbEvents> = (event: LbEvents[Name]) => void

/** Who wants to hear of what. What a listener throws concerns nobody but the log. */
export class Events {
  readonly #listeners = {
    backend: new Set<Listener<'backend'>>(),
    reload: new Set<Listener<'reload'>>(),
    error: new Set<Listener<'error'>>()
  }
  #tellingError = false

  /** Returns how to stop. */
  on<Name extends keyof LbEvents>(name: Name, listener: Listener<Name>): () => void {
    const listeners = this.#listeners[name] as Set<Listener<Name>> | undefined
    if (listeners === undefined)
      throw new TypeError(`there is no event "${String(name)}": backend, reload, error`)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  /** The report, once it has been told; a plan is not. */
  reloaded(report: ReloadReport, plan = false): ReloadReport {
    if (!plan) this.tell('reload', report)
    return report
  }

  /** A worker was replaced. */
  restarted(restarts: Counter): void {
    restarts.add()
    this.tell('error', new Error('a worker ended and is replaced'))
  }

  /** `report`, and faults are told. */
  hearing(report: FaultReport): FaultReport {
    return (error, listener) => {
      report(error, listener)
      this.tell('error', error instanceof Error ? error : new Error(String(error)))
    }
  }

  tell<Name extends keyof LbEvents>(name: Name, event: LbEvents[Name]): void {
    // What a listener of `error` throws is not told again.
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
