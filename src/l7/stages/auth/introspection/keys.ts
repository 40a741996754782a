import type { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, integer, text, word } from '../../../../config/schema/leaf/leaves.ts'
import { fieldName } from '../../../../config/schema/leaf/network-leaves.ts'
import { askingKeys } from '../asking/keys.ts'
import { httpUrl } from '../jwt/keys.ts'

const path = (example: string) => text(`the path of a member such as ${example}`, { max: 256 })

export const introspectionSchema = mapping(
  {
    url: httpUrl('https://idp.example/introspect').describe(
      'Who is asked, by POST, for each token that is not remembered.'
    ),
    clientId: text('the id of the client', { max: 512 }).describe('By what this side is known there.'),
    clientSecret: text('the secret of the client', { max: 4096 }).describe(
      'What it shares with whoever is asked; `file:path` may stand for it.'
    ),
    clientAuth: word(['basic', 'post'])
      .prefault('basic')
      .describe('How the two are sent: in `Authorization`, or in the form.'),
    header: fieldName()
      .prefault('authorization')
      .describe('Field with the token, behind `Bearer`; in another field it may stand alone.'),
    issuer: text('an issuer such as "https://idp.example"', { max: 2048 })
      .optional()
      .describe('What `iss` of the answer must be, exactly.'),
    audience: listOf(text('an audience such as api', { max: 1024 }), { max: 32 })
      .prefault([])
      .describe('What `aud` of the answer must name: one of these; empty: it may name anybody.'),
    name: path('username').prefault('sub').describe('Member of the answer with the name.'),
    roles: path('realm_access.roles')
      .optional()
      .describe('Member of the answer with the roles: a list, or words.'),
    scopes: path('scope')
      .prefault('scope')
      .describe('Member of the answer with the scopes: words, or a list.'),
    skew: duration({ min: 0, max: 600_000, example: '60s' })
      .prefault('60s')
      .describe('By how much clocks may differ.'),
    ...askingKeys('questions'),
    cache: duration({ min: 0, max: 3_600_000, example: '30s' })
      .prefault('30s')
      .describe(
        'How long an active token is believed at most, never beyond its `exp`; a token that is revoked holds so long. 0: it is asked each time.'
      ),
    maxTokens: integer(0, 1_000_000)
      .prefault(10_000)
      .describe('Active tokens that each thread remembers, by digest.')
  },
  { example: '{ url: "https://idp.example/introspect", clientId: lb, clientSecret: file:/etc/lb/client }' }
)

export type IntrospectionInput = z.output<typeof introspectionSchema>
