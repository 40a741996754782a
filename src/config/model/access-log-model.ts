/** The fields of a line of the access log, in their default order; docs/logging.md describes them. */
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
  /** Share of exchanges or connections to log, 0..1; failures and slow ones are always logged. */
  readonly sample: number
  /** Undefined: the same destination as all other lines. */
  readonly file?: string
  readonly rotate?: { readonly bytes: number; readonly keep: number }
}

export interface AccessLog extends AccessLogCommon {
  /** Exchanges that take longer are logged as warnings. */
  readonly slowMs?: number
  /** Only these fields; undefined: all. */
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
