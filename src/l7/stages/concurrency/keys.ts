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
  default: priorityWord().prefault('normal').describe('Of requests that nothing else says a priority of.'),
  routes: z
    .record(text('the name of a route', { max: 64 }), priorityWord())
    .prefault({})
    .describe('By name of the route: `{ checkout: high, search: low }`.'),
  header: fieldName()
    .optional()
    .describe('A request field that says high, normal or low; believed from `trustedProxies` only.')
})

const schema = mapping(
  {
    max: integer(1, 1_000_000)
      .prefault(1_000)
      .describe('How many requests may be under way at once; with `adaptive` the most that is tried.'),
    key: listOf(limitKey(), { min: 1, max: 8 })
      .prefault(['all'])
      .describe('Whom it counts apart, as in `rateLimit`; `all`: one count.'),
    queue: mapping({
      max: integer(0, 100_000).prefault(0).describe('How many may wait for a place; 0: none.'),
      timeout: duration({ example: '1s' }).prefault('1s').describe('How long one waits; then 503.')
    })
      .prefault({})
      .describe('Waits for a place, first come, first served within a priority, over all workers.'),
    adaptive: z
      .union([
        flag(),
        mapping({
          min: integer(1, 1_000_000).prefault(4).describe('It never goes below this.'),
          tolerance: integer(110, 1_000)
            .prefault(200)
            .describe(
              'How slow, in percent of the best latency seen, responses may be before fewer are let through.'
            )
        })
      ])
      .prefault(false)
      .describe(
        'Finds the number by latency, between `min` and `max`; only for one count (`key: all` or `route`).'
      ),
    priority: priority
      .optional()
      .describe(
        'Who is refused first: low gets at most 80 % of the places, normal 95 %. Left out: all are alike.'
      ),
    ...shadowKey,
    maxKeys: integer(8, 1_000_000)
      .prefault(16_384)
      .describe('Keys that may have requests under way; a request of one more is not counted.')
  },
  { example: '{ max: 200, queue: { max: 50 } }', lone: loneNumber('max') }
)

export type ConcurrencyInput = z.output<typeof schema>

export const concurrencyKeys = stageKeys({
  schema,
  words: 'How many requests may be under way at once; others wait or get 503.'
})
