import type { z } from 'zod'
import { defaults } from '../defaults.ts'
import type { RetryCondition } from '../model/model.ts'
import { foreignConditions, foreignCure } from '../report/foreign-words.ts'
import { suggestion } from '../report/nearest.ts'
import { numberOf, textOf } from '../environment/env-text.ts'
import { leaf, listOf, mapping, Refusal } from './leaf/leaf.ts'
import { firstOf, loneNumber, loneTrue } from './leaf/lone.ts'
import { flag, integer, percent, word } from './leaf/leaves.ts'

const words = ['connect-failure', 'reset', 'timeout', 'grpc-unavailable'] as const

function condition() {
  const json = {
    title: 'condition',
    anyOf: [{ enum: [...words] }, { type: 'integer', minimum: 400, maximum: 599 }]
  }
  return leaf<RetryCondition, RetryCondition>(
    'connect-failure, reset, timeout, grpc-unavailable or a status such as 502',
    json,
    (input) => {
      const status = numberOf(input)
      if (status !== undefined) {
        if (Number.isInteger(status) && status >= 400 && status <= 599) return status
        return new Refusal({ cure: 'statuses to retry on go from 400 to 599' })
      }
      const written = textOf(input)
      const known = words.find((word) => word === written)
      if (known !== undefined) return known
      const several = (written ?? '').split(/[\s,]+/).filter((part) => part !== '')
      if (several.length > 1)
        return new Refusal({ cure: `each is an item of a list: [${several.join(', ')}]` })
      const cure = foreignCure(written ?? '', foreignConditions)
      if (cure !== undefined) return new Refusal({ cure })
      const near = written === undefined ? '' : suggestion(written, words)
      return new Refusal(near.includes('did you mean') ? { cure: near.slice(2) } : {})
    }
  )
}

const describe = {
  attempts: 'Tries after the first, each on another backend (on L4: connection attempts); 0: none.',
  budget:
    'Largest share of retries among requests of the last ten to twenty seconds, in each worker; thirty in ten seconds are always allowed, so that a quiet service is not left without any.',
  on: 'Failures to retry: `connect-failure`, `reset` (before the first byte of the response), `timeout`, statuses, `grpc-unavailable` (a call answered UNAVAILABLE before its first message, whatever its method).',
  when: 'Which requests may be sent again after they have been sent: `idempotent` methods; also a POST or PATCH with an `Idempotency-Key`; or `always`.',
  nonIdempotent: 'The same as `when: always`: methods such as POST too, which may then be executed twice.'
}

const whenWords = ['idempotent', 'idempotency-key', 'always'] as const

const loneRetry = firstOf(loneNumber('attempts'), loneTrue('it is on where the key is left out'))

/** On a pool: every key has a value. */
export const poolRetry = mapping(
  {
    attempts: integer(0, 10).prefault(defaults.retry.attempts).describe(describe.attempts),
    budget: percent().prefault(defaults.retry.budget).describe(describe.budget),
    on: listOf(condition(), { max: 50 })
      .prefault([...defaults.retry.on])
      .describe(describe.on),
    when: word(whenWords).prefault(defaults.retry.when).describe(describe.when),
    nonIdempotent: flag().prefault(defaults.retry.nonIdempotent).describe(describe.nonIdempotent)
  },
  { lone: loneRetry }
)

/** On a route or a listener: missing keys come from the pool. */
export const routeRetry = mapping(
  {
    attempts: integer(0, 10).optional().describe(describe.attempts),
    budget: percent().optional().describe(describe.budget),
    on: listOf(condition(), { max: 50 }).optional().describe(describe.on),
    when: word(whenWords).optional().describe(describe.when),
    nonIdempotent: flag().optional().describe(describe.nonIdempotent)
  },
  { lone: loneRetry }
)

export type PoolRetryInput = z.output<typeof poolRetry>
export type RouteRetryInput = z.output<typeof routeRetry>
