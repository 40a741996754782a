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

/** What others call the ways of counting. */
const foreignLimits = new Map([
  ...['leakybucket', 'leaky', 'bucket', 'gcra'].map((word) => [word, 'write token-bucket'] as const),
  ...['sliding', 'rolling', 'rollingwindow'].map((word) => [word, 'write sliding-window'] as const),
  ...['fixed', 'window'].map((word) => [word, 'write fixed-window'] as const)
])

const MAX_PER_MS = 31 * 24 * 3_600_000

function statusClass() {
  return leaf<string>('a status such as 404, or 4xx', { title: 'status' }, (input) => {
    const written = String(input)
    return /^[1-5](\d\d|xx)$/.test(written) ? written : new Refusal({})
  })
}

const cost = mapping({
  methods: z
    .record(method(), decimal(0, 1000))
    .prefault({})
    .describe('What a request of a method counts: `{ POST: 5 }`; others count 1.'),
  statuses: z
    .record(statusClass(), decimal(0, 1000))
    .prefault({})
    .describe('What a response with this status counts besides, once it is known: `{ 401: 10, 5xx: 2 }`.'),
  bytes: size({ min: 1, example: '64kb' })
    .optional()
    .describe(
      'Each so many bytes of the response count 1 besides, once they are sent; left out: bytes count nothing.'
    )
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
        'Name of the limit in RateLimit fields, logs and metrics; left out: `default`, or `limit-2` and so on.'
      ),
    requests: integer(1, 10_000_000).describe('How many are let through.'),
    per: duration({ min: MIN_PER_MS, max: MAX_PER_MS, example: '1s' })
      .prefault('1s')
      .describe('In this time.'),
    burst: integer(1, 10_000_000)
      .optional()
      .describe('(`token-bucket`) How many may come at once; left out: as `requests`.'),
    key: listOf(limitKey(), { min: 1, max: 8 })
      .prefault(['client-ip'])
      .describe(
        'Whom it counts: `client-ip` (an IPv6 client by its /64), `header:N`, `cookie:N`, `query:N`, `path`, `route`, `identity`, `all`; several are joined.'
      ),
    algorithm: word(['token-bucket', 'sliding-window', 'fixed-window'], foreignLimits)
      .prefault('token-bucket')
      .describe('Tokens that come back one by one, or windows of `per` that slide or stand.'),
    store: word(['memory', 'redis'])
      .prefault('memory')
      .describe('Where it is counted: `memory`, by this instance; `redis`, by all instances together.'),
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
      .describe('(`store: redis`) While Redis does not answer: count by this instance, let pass, or refuse.'),
    cost: cost.optional().describe('What requests count; left out: 1 each.'),
    maxKeys: integer(8, 10_000_000)
      .prefault(65_536)
      .describe(
        'Keys that are remembered (21 bytes each); over it who has used least is forgotten, never who is being limited.'
      ),
    ...shadowKey,
    fields: flag().prefault(true).describe('Tell clients by RateLimit and RateLimit-Policy fields.')
  },
  { example: '{ requests: 100, per: 1s }', lone: loneRate }
)

export type RateLimitInput = z.output<typeof one>

export const rateLimitKeys = stageKeys({
  schema: listOf(one, { min: 1, max: 16 }),
  words: 'How many requests are let through in a time; over it: 429. One limit, or a list of them.'
})
