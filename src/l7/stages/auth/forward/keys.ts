import type { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, word } from '../../../../config/schema/leaf/leaves.ts'
import { editedField } from '../../../../config/schema/leaf/edited-field.ts'
import { askingKeys } from '../asking/keys.ts'
import { httpUrl } from '../../../../config/schema/leaf/network-leaves.ts'

/** A field of the answer that goes to the backend. */
const copied = () =>
  editedField({
    whyNot: (name) =>
      name === 'set-cookie' ? 'cookies of the answer go to the client by themselves; leave it out' : undefined
  })

export const forwardSchema = mapping(
  {
    url: httpUrl('http://127.0.0.1:4180/auth').describe('URL that decides, asked by GET for every request.'),
    requestHeaders: listOf(editedField({ hostToo: true }), { max: 64 })
      .prefault(['authorization', 'cookie'])
      .describe(
        'Fields of the request to send there, besides Accept, X-Requested-With, X-Forwarded-Method, -Proto, -Host, -Uri and -For.'
      ),
    responseHeaders: listOf(copied(), { max: 64 })
      .prefault([])
      .describe(
        "Fields of a 2xx answer to send to the backend; a client's own fields with these names are removed."
      ),
    identity: copied()
      .optional()
      .describe(
        'Field of the answer with the name; an answer without it refuses the request. The backend gets it too.'
      ),
    roles: copied()
      .optional()
      .describe(
        'Field of the answer with the roles, separated by commas or spaces. The backend gets it too.'
      ),
    ...askingKeys('requests'),
    cache: duration({ min: 0, max: 3_600_000, example: '10s' })
      .prefault('0')
      .describe('How long a 2xx answer is used for the same request; 0: every request is asked about.'),
    cacheBy: word(['request', 'credentials'])
      .prefault('request')
      .describe(
        '(`cache`) Which requests are the same: those with equal `requestHeaders`, method, scheme, host, URI and address, or with equal `requestHeaders` alone.'
      )
  },
  { example: '{ url: "http://127.0.0.1:4180/auth", identity: x-auth-user }' }
)

export type ForwardInput = z.output<typeof forwardSchema>
