import type { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { size } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

export const bufferKeys = stageKeys({
  words:
    'Reads the whole request before a backend gets it: for servers that occupy a worker while a slow client sends, or that need a length.',
  schema: mapping(
    {
      request: size({ min: 1, max: 64 * 1024 ** 2, example: '1mb' }).describe(
        'Most bytes of a body to hold in memory. A body that fits is sent with `Content-Length` and can be sent again by `retry`; a longer one is passed on as it comes.'
      )
    },
    {
      example: '{ request: 1mb }',
      lone: (value) =>
        typeof value === 'string' && /^\d+[kmg]?b$/.test(value)
          ? `did you mean { request: ${value} }?`
          : value === true || value === 'on'
            ? 'say how much at most: { request: 1mb }'
            : undefined
    }
  )
})

export type BufferKeys = z.output<typeof bufferKeys.schema>
