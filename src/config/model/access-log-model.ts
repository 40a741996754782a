/** The fields of a line of the access log, in the order in which they stand by default; `docs/logging.md` tells what they are. */
export const ACCESS_FIELDS = [
  'event',
  'listener',
  'route',
  'client',
  'protocol',
  'scheme',
  'method',
  'host',
  'target',
  'status',
  'code',
  'reason',
  'pool',
  'backend',
  'attempts',
  'retries',
  'cache',
  'bytesIn',
  'bytesOut',
  'ms',
  'queueMs',
  'connectMs',
  'firstByteMs',
  'userAgent',
  'referer',
  'requestId',
  'user'
] as const

export type AccessField = (typeof ACCESS_FIELDS)[number]

interface AccessLogCommon {
  readonly enabled: boolean
  /** Share of exchanges or connections logged, 0..1; failures and slow ones always are. */
  readonly sample: number
  /** Undefined: where all other lines go. */
  readonly file?: string
  readonly rotate?: { readonly bytes: number; readonly keep: number }
}

export interface AccessLog extends AccessLogCommon {
  /** Log at warn what takes longer. */
  readonly slowMs?: number
  /** These only; undefined: all that there is to say. */
  readonly fields?: readonly AccessField[]
  readonly format: 'json' | 'clf' | 'combined'
}

/** The fields of a line for a TCP connection or a UDP session. */
export const CONNECTION_FIELDS = [
  'event',
  'listener',
  'client',
  'protocol',
  'serverName',
  'pool',
  'backend',
  'attempts',
  'code',
  'reason',
  'bytesIn',
  'bytesOut',
  'datagramsIn',
  'datagramsOut',
  'ms',
  'queueMs',
  'connectMs',
  'cause'
] as const

export type ConnectionField = (typeof CONNECTION_FIELDS)[number]

export interface ConnectionAccessLog extends AccessLogCommon {
  readonly fields?: readonly ConnectionField[]
  readonly format: 'json' | 'stream'
}
