import { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { integer, on, size } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

const keys = mapping(
  {
    maxBytes: size({ min: 1024, example: '10mb' })
      .prefault('10mb')
      .describe('Longest body once it is decoded; more is refused with 413.'),
    ratio: integer(1, 10_000)
      .prefault(100)
      .describe(
        'How many times its encoded length a body of more than 1 MB may have; more is refused with 413.'
      )
  },
  {
    lone: (value) =>
      typeof value === 'string' || Array.isArray(value) ? '`true` takes all codings' : undefined
  }
)

export const decompressKeys = stageKeys({
  words:
    'Bodies of requests with Content-Encoding `gzip`, `deflate`, `br` or `zstd` go to backends decoded; other codings are refused with 415.',
  schema: z.union([on(), keys]).transform((value) => (value === true ? keys.parse({}) : value))
})

export type DecompressKeys = z.output<typeof decompressKeys.schema>
