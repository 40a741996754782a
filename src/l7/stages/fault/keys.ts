import type { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { decimal, duration, integer } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

export const faultKeys = stageKeys({
  words: 'Delays some requests and fails some, to see how clients take it.',
  schema: mapping(
    {
      delay: mapping({
        percent: decimal(0, 100).describe('How many of a hundred.'),
        time: duration({ max: 300_000, example: '2s' }).describe('How long they wait.')
      })
        .optional()
        .describe('Requests that wait before they go on.'),
      abort: mapping({
        percent: decimal(0, 100).describe('How many of a hundred, of those that are delayed too.'),
        status: integer(400, 599).prefault(503).describe('What they are answered.')
      })
        .optional()
        .describe('Requests that are answered with an error.')
    },
    {
      lone: (value) =>
        typeof value === 'number' ? 'did you mean { abort: { percent: 100, status: @ } }?' : undefined
    }
  )
})

export type FaultKeys = z.output<typeof faultKeys.schema>
