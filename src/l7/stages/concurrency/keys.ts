import { z } from 'zod'
import { listOf, mapping } from '../../../config/schema/leaf/leaf.ts'
import { duration, flag, integer, text, word } from '../../../config/schema/leaf/leaves.ts'
import { loneNumber } from '../../../config/schema/leaf/lone.ts'
import { fieldName } from '../../../config/schema/leaf/network-leaves.ts'
import { limitKey } from '../limit-key/limit-key-leaf.ts'
import { shadowKey, stageKeys } from '../stage-keys.ts'

function priorityWord() {
  return word(['high', 'normal', 'low'])
}

const priority = mapping({
  default: priorityWord()
    .prefault('normal')
    .describe('Priority of requests for which nothing else gives one.'),
  routes: z
    .record(text('the name of a route', { max: 64 }), priorityWord())
    .prefault({})
    .describe('Priority by name of the route: `{ checkout: high, search: low }`.'),
  header: fieldName()
    .optional()
    .describe('Request field with high, normal or low; trusted from `trustedProxies` only.')
})

const schema = mapping(
  {
    max: integer(1, 1_000_000)
      .prefault(1_000)
      .describe('Most requests under way at once; with `adaptive` the upper bound of the limit.'),
    key: listOf(limitKey(), { min: 1, max: 8 })
      .prefault(['all'])
      .describe('What is counted separately, as in `rateLimit`; `all`: one count.'),
    queue: mapping({
      max: integer(0, 100_000).prefault(0).describe('Most requests that may wait for a place; 0: none.'),
      timeout: duration({ example: '1s' }).prefault('1s').describe('Longest wait; then 503.')
    })
      .prefault({})
      .describe('Queue for a place: first come, first served within a priority, over all workers.'),
    adaptive: z
      .union([
        flag(),
        mapping({
          min: integer(1, 1_000_000).prefault(4).describe('Lower bound of the limit.'),
          tolerance: integer(110, 1_000)
            .prefault(200)
            .describe('Latency, in percent of the best latency seen, above which the limit is lowered.')
        })
      ])
      .prefault(false)
      .describe(
        'Adjusts the limit by latency, between `min` and `max`; only for a single count (`key: all` or `route`).'
      ),
    priority: priority
      .optional()
      .describe(
        'Which requests are refused first: low gets at most 80 % of the places, normal 95 %. Left out: all are equal.'
      ),
    ...shadowKey,
    maxKeys: integer(8, 1_000_000)
      .prefault(16_384)
      .describe('Most keys with requests under way; requests of further keys are not counted.')
  },
  { example: '{ max: 200, queue: { max: 50 } }', lone: loneNumber('max') }
)

export type ConcurrencyInput = z.output<typeof schema>

export const concurrencyKeys = stageKeys({
  schema,
  words: 'Limits how many requests are under way at once; others wait or get 503.'
})
