import { z } from 'zod'
import { listOf, mapping } from '../../../config/schema/leaf/leaf.ts'
import { flag, text, word } from '../../../config/schema/leaf/leaves.ts'
import { firstOf, loneList, loneText } from '../../../config/schema/leaf/lone.ts'
import { shadowKey, stageKeys } from '../stage-keys.ts'

const wanted = (what: string) => listOf(text(what, { max: 256 }), { min: 1, max: 100 }).optional()

export const requireKeys = stageKeys({
  words: 'What an identity must have to be let in; without it: 403.',
  schema: mapping(
    {
      roles: wanted('a role such as admin').describe('Roles.'),
      scopes: wanted('a scope such as read').describe('Scopes of its token.'),
      claims: z
        .record(
          text('the path of a claim such as realm.tenant', { max: 256 }),
          listOf(text('a value'), { min: 1, max: 100 })
        )
        .optional()
        .describe('Claims of its token by path, with the values of which one must be there.'),
      match: word(['any', 'all'])
        .prefault('any')
        .describe(
          'Whether one of the roles, and one of the scopes, is enough, or all must be there. Claims must all fit.'
        ),
      identity: flag()
        .prefault(true)
        .describe(
          'Some identity must be there at all; `false`: who has none is let in, where `auth` is optional.'
        ),
      ...shadowKey
    },
    { example: '{ roles: [admin] }', lone: firstOf(loneText('roles'), loneList('roles')) }
  )
})

export type RequireInput = z.output<typeof requireKeys.schema>
