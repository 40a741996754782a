import { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { integer, on, size } from '../../../config/schema/leaf/leaves.ts'
import { stageKeys } from '../stage-keys.ts'

const keys = mapping(
  {
    maxBytes: size({ min: 1024, example: '10mb' })
      .prefault('10mb')
      .describe('Longest decoded body; longer ones are refused with 413.'),
    ratio: integer(1, 10_000)
      .prefault(100)
      .describe('Largest ratio of decoded to encoded length, for bodies over 1 MB; above it: 413.')
  },
  {
    lone: (value) =>
      typeof value === 'string' || Array.isArray(value) ? '`true` takes all codings' : undefined
  }
)

export const decompressKeys = stageKeys({
  words:
    'Decodes request bodies with Content-Encoding `gzip`, `deflate`, `br` or `zstd` for backends; other codings are refused with 415.',
  schema: z.union([on(), keys]).transform((value) => (value === true ? keys.parse({}) : value))
})

export type DecompressKeys = z.output<typeof decompressKeys.schema>
