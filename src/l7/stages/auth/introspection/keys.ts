import type { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, integer, text, word } from '../../../../config/schema/leaf/leaves.ts'
import { fieldName, httpUrl } from '../../../../config/schema/leaf/network-leaves.ts'
import { askingKeys } from '../asking/keys.ts'

const path = (example: string) => text(`the path of a member such as ${example}`, { max: 256 })

export const introspectionSchema = mapping(
  {
    url: httpUrl('https://idp.example/introspect').describe(
      'Introspection endpoint, asked by POST about each token that is not remembered.'
    ),
    clientId: text('the id of the client', { max: 512 }).describe("lb's client id there."),
    clientSecret: text('the secret of the client', { max: 4096 }).describe(
      "lb's client secret there, or `file:path`."
    ),
    clientAuth: word(['basic', 'post'])
      .prefault('basic')
      .describe('How id and secret are sent: in `Authorization`, or in the form.'),
    header: fieldName()
      .prefault('authorization')
      .describe(
        'Field with the token after `Bearer`; in another field than `authorization` the word may be missing.'
      ),
    issuer: text('an issuer such as "https://idp.example"', { max: 2048 })
      .optional()
      .describe('Exact value that `iss` of the answer must have.'),
    audience: listOf(text('an audience such as api', { max: 1024 }), { max: 32 })
      .prefault([])
      .describe('`aud` of the answer must name one of these; empty: it is not checked.'),
    name: path('username').prefault('sub').describe('Member of the answer with the name.'),
    roles: path('realm_access.roles')
      .optional()
      .describe('Member of the answer with the roles: a list, or words separated by spaces.'),
    scopes: path('scope')
      .prefault('scope')
      .describe('Member of the answer with the scopes: words separated by spaces, or a list.'),
    skew: duration({ min: 0, max: 600_000, example: '60s' })
      .prefault('60s')
      .describe('How far clocks may differ.'),
    ...askingKeys('questions'),
    cache: duration({ min: 0, max: 3_600_000, example: '30s' })
      .prefault('30s')
      .describe(
        'How long an active token is accepted without asking again, never beyond its `exp`; a revoked token is accepted that long. 0: ask each time.'
      ),
    maxTokens: integer(0, 1_000_000)
      .prefault(10_000)
      .describe('Active tokens that each thread remembers, by digest.')
  },
  { example: '{ url: "https://idp.example/introspect", clientId: lb, clientSecret: file:/etc/lb/client }' }
)

export type IntrospectionInput = z.output<typeof introspectionSchema>
