import type { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { decimal, duration, integer } from '../../../config/schema/leaf/leaves.ts'
import { loneNumber, loneText } from '../../../config/schema/leaf/lone.ts'
import { stageKeys } from '../stage-keys.ts'

export const faultKeys = stageKeys({
  words: 'Delays some requests and fails some, to test how clients react.',
  schema: mapping(
    {
      delay: mapping(
        {
          percent: decimal(0, 100).describe('Percentage of requests.'),
          time: duration({ max: 300_000, example: '2s' }).describe('How long they wait.')
        },
        { lone: loneText('percent: 100, time') }
      )
        .optional()
        .describe('Requests to delay.'),
      abort: mapping(
        {
          percent: decimal(0, 100).describe('Percentage of requests, delayed ones included.'),
          status: integer(400, 599).prefault(503).describe('Status of the answer.')
        },
        { lone: loneNumber('percent: 100, status') }
      )
        .optional()
        .describe('Requests to answer with an error.')
    },
    {
      unknown: (key) =>
        ['percent', 'percentage', 'time', 'status', 'fixedDelay', 'httpStatus'].includes(key)
          ? '; it belongs in one of the two: { delay: { percent: 10, time: 1s }, abort: { percent: 1, status: 503 } }'
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
