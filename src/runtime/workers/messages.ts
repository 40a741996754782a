import type { MessagePort } from 'node:worker_threads'
import type { ChangeEvent } from '../../balancer/pool/states.ts'
import type { LogLevel } from '../../config/model/model.ts'
import type { MetricsAnnouncement } from '../../core/metrics/metrics.ts'
import type { SentSockets } from '../../net/descriptors/descriptor-sender.ts'
import type { FarEnd } from '../../net/descriptors/ipc-pipe.ts'
import type { BackendFate } from '../plane/listener-engine.ts'
import type { SharedBuffers } from '../memory/shared-memory.ts'
import type { PlaneDelta } from '../plane/plane-snapshot.ts'
import type { PlainStartError } from '../control/start-error.ts'

/** Passed to a worker when it starts. */
export interface WorkerInit {
  /** The worker's number: 1 … workers. Its replacement has the same one. */
  readonly thread: number
  /** Its row in shared tables, from 1 on: the replacement of a stuck worker gets a spare one. */
  readonly row: number
  readonly memory: SharedBuffers
  /** Name of this process in Via. */
  readonly pseudonym: string
  readonly logLevel: LogLevel
  readonly logFd: number
  /** Send log lines to the main thread, which passes them to the logger of its host. */
  readonly forwardLog: boolean
  /** Heartbeats. */
  readonly beats: SharedArrayBuffer
  /** It replaces a dead one: the snapshot in force must not fail in it. */
  readonly replaces: boolean
  /** Accept `crash` messages, for tests of the replacement. */
  readonly crashable: boolean
}

/** Control plane → worker. */
export type ToWorker =
  /** `parts`: a port with the pools of the delta (delta-parts.ts). */
  | {
      readonly type: 'prepare'
      readonly delta: PlaneDelta
      readonly parts: MessagePort | undefined
      /** Sockets that have been sent to its inbox; the worker owns them from now on. */
      readonly sockets: SentSockets
    }
  /** The worker's end of the pipe for sockets. */
  | { readonly type: 'inbox'; readonly far: FarEnd }
  /** `thread` is dead: its sockets, until it is replaced. */
  | { readonly type: 'adopt'; readonly thread: number; readonly sockets: SentSockets }
  | { readonly type: 'release'; readonly thread: number }
  | { readonly type: 'commit'; readonly id: number }
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'connections'; readonly id: number }
  | { readonly type: 'backend'; readonly fate: BackendFate; readonly key: string }
  | { readonly type: 'drain'; readonly graceMs: number }
  | { readonly type: 'peer'; readonly thread: number; readonly port: MessagePort }
  | { readonly type: 'reopen-log' }
  /** For tests: throws, or without a message blocks for ever. */
  | { readonly type: 'crash'; readonly message: string | undefined }

/** Worker → control plane. */
export type FromWorker =
  | { readonly type: 'prepared'; readonly id: number; readonly ports: Readonly<Record<string, number>> }
  | { readonly type: 'failed'; readonly id: number; readonly error: PlainStartError }
  | { readonly type: 'committed'; readonly id: number; readonly listeners: readonly ListenerConnections[] }
  | { readonly type: 'connections'; readonly id: number; readonly listeners: readonly ListenerConnections[] }
  | { readonly type: 'metrics'; readonly announcement: MetricsAnnouncement }
  | { readonly type: 'change'; readonly event: ChangeEvent }
  /** A client requested a name that may get a certificate on demand. */
  | { readonly type: 'wanted'; readonly listener: string; readonly name: string }
  | {
      readonly type: 'log'
      readonly level: Exclude<LogLevel, 'silent'>
      readonly fields: object
      readonly message: string
    }
  | { readonly type: 'drained'; readonly cut: number }

/** Worker ↔ worker, directly; sent only when a request waits (see TableSignals). */
export type ToPeer =
  | { readonly type: 'wake'; readonly pool: number }
  | { readonly type: 'shed'; readonly slot: number }
  | { readonly type: 'freed'; readonly slot: number }

/** Connections of one listener, in one thread or in all. */
export interface ListenerConnections {
  readonly listener: string
  readonly connections: number
  readonly oldestMs: number
  /** True once the listener has been removed: it only finishes its connections. */
  readonly draining: boolean
}
