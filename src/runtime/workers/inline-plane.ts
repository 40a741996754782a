import { reopenLogs } from '../../core/log/line-sink.ts'
import type { DataPlane } from '../plane/data-plane.ts'
import type { BackendFate } from '../plane/listener-engine.ts'
import type { ListenerConnections } from './messages.ts'
import { sumConnections, type Planes, type WorkerState } from './planes.ts'
import type { PlaneSnapshot } from '../plane/plane-snapshot.ts'

/** `workers: 0`: the data plane in the main thread, with the same code. */
export class InlinePlane implements Planes {
  readonly #plane: DataPlane
  readonly workers: readonly WorkerState[] = []

  constructor(plane: DataPlane) {
    this.#plane = plane
  }

  prepare(snapshot: PlaneSnapshot): Promise<Readonly<Record<string, number>>> {
    return this.#plane.prepare(snapshot)
  }

  abort(): void {
    this.#plane.abort()
  }

  commit(): Promise<readonly ListenerConnections[]> {
    this.#plane.commit()
    return this.connections()
  }

  backend(fate: BackendFate, key: string): void {
    this.#plane.backend(fate, key)
  }

  connections(): Promise<readonly ListenerConnections[]> {
    return Promise.resolve(sumConnections([this.#plane.connections()]))
  }

  drain(graceMs: number): Promise<number> {
    return this.#plane.drain(graceMs)
  }

  reopenLogs(): void {
    reopenLogs()
  }

  kill(): Promise<void> {
    this.#plane.destroy()
    return Promise.resolve()
  }
}
