import type { ErrorCode } from '../../core/errors.ts'

/** What a TCP connection or a UDP session was, when it is over: the fields of its line, in their order. */
export interface Passage {
  readonly event: 'connection' | 'session'
  readonly listener: string
  readonly client: string | undefined
  readonly protocol: 'tcp' | 'tls' | 'udp'
  /** What the client asked for in its ClientHello, or a proxy in its PROXY header. */
  readonly serverName?: string | undefined
  readonly pool: string | undefined
  /** `pool/backend`. */
  readonly backend: string | undefined
  /** Backends that were dialled; undefined: none was chosen. */
  readonly attempts?: number | undefined
  readonly code?: ErrorCode | undefined
  readonly reason: string
  readonly bytesIn: number
  readonly bytesOut: number
  readonly datagramsIn?: number
  readonly datagramsOut?: number
  readonly ms: number
  readonly queueMs?: number | undefined
  readonly connectMs?: number | undefined
  readonly cause?: string | undefined
}
