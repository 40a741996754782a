import type { BackendFate } from '../plane/engine.ts'
import type { ListenerConnections } from './messages.ts'
import type { Snapshot } from '../plane/snapshot.ts'

/** All data planes together, as the control plane sees them: worker threads, or one in the main thread. */
export interface Planes {
  /**
   * Builds and binds the snapshot everywhere. Rejects with a StartError when any cannot; then nothing has changed.
   * Resolves with the ports taken for binds to port 0.
   */
  prepare(snapshot: Snapshot): Promise<Readonly<Record<string, number>>>
  /** Drops what was prepared. */
  abort(): void
  /** Puts it in force everywhere. Resolves with the connections that each listener kept. */
  commit(): Promise<readonly ListenerConnections[]>
  /** Something happened to backend `key` (`pool/name`) that may cost its connections. */
  backend(fate: BackendFate, key: string): void
  /** Connections of every listener, summed over threads that answer in time. */
  connections(): Promise<readonly ListenerConnections[]>
  /** Stops accepting, lets what is open finish, cuts the rest after `graceMs`; resolves with the number cut. */
  drain(graceMs: number): Promise<number>
  /** Every thread, the main thread too, opens its log anew, by the name that it began with. */
  reopenLogs(): void
  /** Ends now. */
  kill(): Promise<void>
  readonly workers: readonly WorkerState[]
}

export interface WorkerState {
  readonly thread: number
  /** `stuck`: its event loop does not turn; it is about to be replaced. */
  readonly state: 'starting' | 'running' | 'waiting' | 'stuck'
  readonly restarts: number
  /** It died again and again within a minute of its start. */
  readonly ailing: boolean
}

/** The same listener in several threads, as one. */
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
