import type { BackendFate } from '../plane/listener-engine.ts'
import type { ListenerConnections } from './messages.ts'
import type { PlaneSnapshot } from '../plane/plane-snapshot.ts'

/** All data planes together, for the control plane: worker threads, or one in the main thread. */
export interface Planes {
  /**
   * Builds and binds the snapshot everywhere. Rejects with a StartError when one fails; then nothing has changed.
   * Resolves with the ports chosen for binds to port 0.
   */
  prepare(snapshot: PlaneSnapshot): Promise<Readonly<Record<string, number>>>
  /** Drops the prepared snapshot. */
  abort(): void
  /** Puts it in force everywhere. Resolves with the number of connections that each listener kept. */
  commit(): Promise<readonly ListenerConnections[]>
  /** A change of backend `key` (`pool/name`) that may close its connections. */
  backend(fate: BackendFate, key: string): void
  /** Connections of every listener, summed over the threads that answer in time. */
  connections(): Promise<readonly ListenerConnections[]>
  /**
   * Stops accepting, lets open connections finish, closes the rest after `graceMs`; resolves with the number closed at
   * the end.
   */
  drain(graceMs: number): Promise<number>
  /** Every thread, including the main thread, reopens its log by its original name. */
  reopenLogs(): void
  /** Ends now. */
  kill(): Promise<void>
  readonly workers: readonly WorkerState[]
}

export interface WorkerState {
  readonly thread: number
  /** `stuck`: its event loop does not run; it is about to be replaced. */
  readonly state: 'starting' | 'running' | 'waiting' | 'stuck'
  readonly restarts: number
  /** It died again and again within a minute of its start. */
  readonly ailing: boolean
}

/** Sums the connections of the same listener in several threads. */
export function sumConnections(parts: readonly (readonly ListenerConnections[])[]): ListenerConnections[] {
  const sums = new Map<string, ListenerConnections>()
  for (const part of parts.flat()) {
    const key = `${part.listener}\n${part.draining}`
    const sum = sums.get(key)
    sums.set(
      key,
      sum === undefined
        ? part
        : {
            ...part,
            connections: sum.connections + part.connections,
            oldestMs: Math.max(sum.oldestMs, part.oldestMs)
          }
    )
  }
  return [...sums.values()]
}
