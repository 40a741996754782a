import { z } from 'zod'
import { listOf, mapping } from '../../../config/schema/leaf/leaf.ts'
import { flag, text, word } from '../../../config/schema/leaf/leaves.ts'
import { firstOf, loneList, loneText } from '../../../config/schema/leaf/lone.ts'
import { shadowKey, stageKeys } from '../stage-keys.ts'

const wanted = (what: string) => listOf(text(what, { max: 256 }), { min: 1, max: 100 }).optional()

export const requireKeys = stageKeys({
  words: 'What an identity must have; without it: 403.',
  schema: mapping(
    {
      roles: wanted('a role such as admin').describe('Required roles.'),
      scopes: wanted('a scope such as read').describe('Required scopes of its token.'),
      claims: z
        .record(
          text('the path of a claim such as realm.tenant', { max: 256 }),
          listOf(text('a value'), { min: 1, max: 100 })
        )
        .optional()
        .describe('Required claims of its token by path, with values of which one must match.'),
      match: word(['any', 'all'])
        .prefault('any')
        .describe(
          'Whether one of the roles and one of the scopes is enough, or all are required. All claims must match.'
        ),
      identity: flag()
        .prefault(true)
        .describe(
          'Whether an identity is required; `false`: where `auth` is optional, requests without one are accepted.'
        ),
      ...shadowKey
    },
    { example: '{ roles: [admin] }', lone: firstOf(loneText('roles'), loneList('roles')) }
  )
})

export type RequireInput = z.output<typeof requireKeys.schema>
