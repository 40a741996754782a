import type { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, word } from '../../../../config/schema/leaf/leaves.ts'
import { fieldName } from '../../../../config/schema/leaf/network-leaves.ts'
import { askingKeys } from '../asking/keys.ts'
import { httpUrl } from '../jwt/keys.ts'

const names = () => listOf(fieldName(), { max: 64 })

export const forwardSchema = mapping(
  {
    url: httpUrl('http://127.0.0.1:4180/auth').describe('Who is asked, by GET, for every request.'),
    requestHeaders: names()
      .prefault(['authorization', 'cookie'])
      .describe(
        'Fields of the request that are sent along, beside X-Forwarded-Method, -Proto, -Host, -Uri and -For.'
      ),
    responseHeaders: names()
      .prefault([])
      .describe(
        'Fields of a 2xx answer that go on to the backend; nothing of a client goes on under these names.'
      ),
    identity: fieldName()
      .optional()
      .describe('Field of the answer with the name; an answer without it lets nobody in. It goes on too.'),
    roles: fieldName()
      .optional()
      .describe('Field of the answer with the roles, with commas or spaces between them. It goes on too.'),
    ...askingKeys('requests'),
    cache: duration({ min: 0, max: 3_600_000, example: '10s' })
      .prefault('0')
      .describe('How long a 2xx answer holds for the same request; 0: it is asked each time.'),
    cacheBy: word(['request', 'credentials'])
      .prefault('request')
      .describe(
        '(`cache`) What is the same: the fields sent along, method, scheme, host, URI and address, or the fields alone.'
      )
  },
  { example: '{ url: "http://127.0.0.1:4180/auth", identity: x-auth-user }' }
)

export type ForwardInput = z.output<typeof forwardSchema>
