import { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { flag, text } from '../../../config/schema/leaf/leaves.ts'
import { loneText } from '../../../config/schema/leaf/lone.ts'
import { editedField } from '../../../config/schema/leaf/edited-field.ts'
import { stageKeys } from '../stage-keys.ts'

export const identityKeys = stageKeys({
  words: 'Tells backends who the user is, in fields that clients cannot forge.',
  schema: mapping(
    {
      header: editedField().optional().describe('Field with the name.'),
      roles: editedField().optional().describe('Field with the roles, separated by `,`.'),
      method: editedField().optional().describe('Field with the method: `apiKeys`, `jwt` and so on.'),
      claims: z
        .record(editedField(), text('the path of a claim such as email', { max: 256 }))
        .prefault({})
        .describe('Fields with claims of the token: `{ x-email: email }`.'),
      strip: flag()
        .prefault(false)
        .describe('Removes the credentials of all methods of `auth` from requests to backends.')
    },
    { example: '{ header: x-user, strip: true }', lone: loneText('header') }
  )
})

export type IdentityInput = z.output<typeof identityKeys.schema>
