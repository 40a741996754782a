import { z } from 'zod'
import { listOf, mapping } from '../../../config/schema/leaf/leaf.ts'
import { on } from '../../../config/schema/leaf/leaves.ts'
import { firstOf, loneList, loneText } from '../../../config/schema/leaf/lone.ts'
import { origin } from '../cors/keys.ts'
import { shadowKey, stageKeys } from '../stage-keys.ts'

const own = mapping(
  {
    trustedOrigins: listOf(origin(), { max: 256 })
      .prefault([])
      .describe('Origins that are allowed nevertheless: `https://app.example.com`, `https://*.example.com`.'),
    ...shadowKey
  },
  { lone: firstOf(loneText('trustedOrigins', /:/), loneList('trustedOrigins')) }
)

export const csrfKeys = stageKeys({
  words:
    'Refuses requests that change something, and WebSockets, with 403 when a page of another origin sends them; `true`: without exceptions.',
  schema: z.union([on(), own]).transform((value) => (value === true ? own.parse({}) : value))
})

export type CsrfKeys = z.output<typeof csrfKeys.schema>
