import type { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { decimal, duration, integer } from '../../../config/schema/leaf/leaves.ts'
import { loneNumber, loneText } from '../../../config/schema/leaf/lone.ts'
import { stageKeys } from '../stage-keys.ts'

export const faultKeys = stageKeys({
  words: 'Delays some requests and fails some, to see how clients take it.',
  schema: mapping(
    {
      delay: mapping(
        {
          percent: decimal(0, 100).describe('How many of a hundred.'),
          time: duration({ max: 300_000, example: '2s' }).describe('How long they wait.')
        },
        { lone: loneText('percent: 100, time') }
      )
        .optional()
        .describe('Requests that wait before they go on.'),
      abort: mapping(
        {
          percent: decimal(0, 100).describe('How many of a hundred, of those that are delayed too.'),
          status: integer(400, 599).prefault(503).describe('What they are answered.')
        },
        { lone: loneNumber('percent: 100, status') }
      )
        .optional()
        .describe('Requests that are answered with an error.')
    },
    {
      unknown: (key) =>
        ['percent', 'percentage', 'time', 'status', 'fixedDelay', 'httpStatus'].includes(key)
          ? '; it stands in one of the two: { delay: { percent: 10, time: 1s }, abort: { percent: 1, status: 503 } }'
          : undefined,
      lone: (value) =>
        typeof value === 'number'
          ? 'did you mean { abort: { percent: 100, status: @ } }?'
          : typeof value === 'string' && /^\d/.test(value)
            ? 'did you mean { delay: { percent: 100, time: "@" } }?'
            : undefined
    }
  )
})

export type FaultKeys = z.output<typeof faultKeys.schema>
