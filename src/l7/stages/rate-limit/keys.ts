import { z } from 'zod'
import { leaf, listOf, mapping, Refusal } from '../../../config/schema/leaf/leaf.ts'
import {
  decimal,
  duration,
  flag,
  integer,
  percent,
  size,
  text,
  word
} from '../../../config/schema/leaf/leaves.ts'
import { method } from '../../../config/schema/leaf/network-leaves.ts'
import { MIN_PER_MS } from '../../../shared/rate-rule.ts'
import { limitKey } from '../limit-key/limit-key-leaf.ts'
import { shadowKey, stageKeys } from '../stage-keys.ts'

/** Names of the algorithms in other programs. */
const foreignLimits = new Map([
  ...['leakybucket', 'leaky', 'bucket', 'gcra'].map((word) => [word, 'write token-bucket'] as const),
  ...['sliding', 'rolling', 'rollingwindow'].map((word) => [word, 'write sliding-window'] as const),
  ...['fixed', 'window'].map((word) => [word, 'write fixed-window'] as const)
])

const MAX_PER_MS = 31 * 24 * 3_600_000

function statusClass() {
  return leaf<string, string | number>('a status such as 404, or 4xx', { title: 'status' }, (input) => {
    const written = String(input)
    return /^[1-5](\d\d|xx)$/.test(written) ? written : new Refusal({})
  })
}

const cost = mapping({
  methods: z
    .record(method(), decimal(0, 1000))
    .prefault({})
    .describe('Cost of a request by method: `{ POST: 5 }`; others cost 1.'),
  statuses: z
    .record(statusClass(), decimal(0, 1000))
    .prefault({})
    .describe('Additional cost by status of the response: `{ 401: 10, 5xx: 2 }`.'),
  bytes: size({ min: 1, example: '64kb' })
    .optional()
    .describe('Additional cost of 1 for each so many bytes of the response; left out: bytes cost nothing.')
})

/** `100`, `100/s`, `100r/s` (nginx), `100 per minute`. */
function loneRate(value: unknown): string | undefined {
  const rate = /^(\d{1,9}) ?(?:r|req|requests)? ?(?:\/|per) ?(s|m|h|d)[a-z]*$/i.exec(String(value))
  if (rate !== null) return `did you mean { requests: ${rate[1]!}, per: 1${rate[2]!.toLowerCase()} }?`
  return /^\d{1,9}$/.test(String(value)) ? 'did you mean { requests: @, per: 1s }?' : undefined
}

const one = mapping(
  {
    name: text('a name such as burst', {
      max: 64,
      reject: (value) => (/^[a-zA-Z][\w-]*$/.test(value) ? undefined : `"${value}" is not a name`)
    })
      .optional()
      .describe(
        'Name of the limit in RateLimit fields, logs and metrics; left out: `default`, `limit-2` and so on.'
      ),
    requests: integer(1, 10_000_000).describe('Requests allowed within `per`.'),
    per: duration({ min: MIN_PER_MS, max: MAX_PER_MS, example: '1s' })
      .prefault('1s')
      .describe('The time for `requests`.'),
    burst: integer(1, 10_000_000)
      .optional()
      .describe('(`token-bucket`) Requests allowed at once; left out: as `requests`.'),
    key: listOf(limitKey(), { min: 1, max: 8 })
      .prefault(['client-ip'])
      .describe(
        'What it counts by: `client-ip` (an IPv6 client by its /64), `header:N`, `cookie:N`, `query:N`, `path`, `route`, `identity`, `all`; several are combined.'
      ),
    algorithm: word(['token-bucket', 'sliding-window', 'fixed-window'], foreignLimits)
      .prefault('token-bucket')
      .describe('Tokens that are refilled continuously, or windows of `per` that slide or are fixed.'),
    store: word(['memory', 'redis'])
      .prefault('memory')
      .describe(
        'Where requests are counted: in `memory`, by this instance; in `redis`, by all instances together.'
      ),
    mode: word(['exact', 'lease'])
      .optional()
      .describe(
        '(`store: redis`) `exact`: Redis is asked for each request; `lease`: tokens are taken in portions. Left out: `lease` from 100 requests on.'
      ),
    lease: percent({ max: 0.5, example: '5%' })
      .prefault('5%')
      .describe(
        '(`mode: lease`) Size of a portion, and how long it may be used, as a share of `requests` and `per`.'
      ),
    onError: word(['local', 'allow', 'deny'])
      .prefault('local')
      .describe('(`store: redis`) While Redis does not answer: count in this instance, allow, or refuse.'),
    cost: cost.optional().describe('Cost of requests; left out: 1 each.'),
    maxKeys: integer(8, 10_000_000)
      .prefault(65_536)
      .describe(
        'Most keys to remember (21 bytes each); when it is full the least used key is forgotten, never one that is being limited.'
      ),
    ...shadowKey,
    fields: flag().prefault(true).describe('Send RateLimit and RateLimit-Policy fields to clients.')
  },
  { example: '{ requests: 100, per: 1s }', lone: loneRate }
)

export type RateLimitInput = z.output<typeof one>

export const rateLimitKeys = stageKeys({
  schema: listOf(one, { min: 1, max: 16 }),
  words: 'Limits how many requests are allowed in a time; over it: 429. One limit, or a list of them.'
})
