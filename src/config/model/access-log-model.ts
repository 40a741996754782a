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

export interface AccessLog {
  readonly enabled: boolean
  /** Log at warn what takes longer. */
  readonly slowMs?: number
  /** Share of exchanges logged, 0..1; failures and slow ones always are. */
  readonly sample: number
  /** These only; undefined: all that there is to say. */
  readonly fields?: readonly AccessField[]
  readonly format: 'json' | 'clf' | 'combined'
  /** Undefined: where all other lines go. */
  readonly file?: string
  readonly rotate?: { readonly bytes: number; readonly keep: number }
}
