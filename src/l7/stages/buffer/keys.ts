import type { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { size } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

export const bufferKeys = stageKeys({
  words:
    'Takes a request whole before a backend is asked: for servers that hold a worker while a slow client sends, or that want a length.',
  schema: mapping(
    {
      request: size({ min: 1, max: 64 * 1024 ** 2, example: '1mb' }).describe(
        'Most that is held of a body, in memory. One that is whole by then goes on with `Content-Length` and can be sent again by `retry`; what is longer is passed on as it comes.'
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
