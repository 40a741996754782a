import { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, flag, integer, off, text, word } from '../../../../config/schema/leaf/leaves.ts'
import { fieldName } from '../../../../config/schema/leaf/network-leaves.ts'
import { dpopSchema } from './dpop/keys.ts'

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'Ed448', 'HS256', 'HS384', 'HS512'] as const // prettier-ignore

export type JwtAlgorithm = (typeof ALGORITHMS)[number]

const foreignAlgorithms = new Map([
  ['none', 'a token without a signature proves nothing, and is never accepted; take it out'],
  ['any', 'leave the key out for those of public keys'],
  ['auto', 'leave the key out for those of public keys'],
  ['ed25519', 'here it is Ed25519, or EdDSA as older issuers call it'],
  ['es256k', 'secp256k1 is not supported'],
  ['esp256', 'that is a name of COSE; in a JWT it is ES256'],
  ['rsa', 'here it is RS256'],
  ['ecdsa', 'here it is ES256'],
  ['hmac', 'here it is HS256, with a `secret`']
])

export const claimPath = (example: string) => text(`the path of a claim such as ${example}`, { max: 256 })

export const unverifiedEmail = () =>
  flag()
    .prefault(false)
    .describe('(`name: email`) Accepts an address of which `email_verified` says that it is not verified.')

export const jwtSchema = mapping(
  {
    issuer: text('an issuer such as "https://idp.example"', { max: 2048 }).describe(
      'Exact value that `iss` must have.'
    ),
    audience: listOf(text('an audience such as api', { max: 1024 }), { min: 1, max: 32 }).describe(
      '`aud` (or `audienceClaim`) must name one of these.'
    ),
    audienceClaim: claimPath('client_id')
      .prefault('aud')
      .describe(
        'Claim with the audience: `client_id` for Amazon Cognito, whose access tokens have no `aud`.'
      ),
    jwks: text('a URL or "file:" and a path', {
      max: 4096,
      reject: (value) =>
        value.startsWith('file:') || (URL.canParse(value) && /^https?:\/\//.test(value))
          ? undefined
          : 'write an http or https URL, or "file:" and the path of a file'
    })
      .optional()
      .describe(
        "The issuer's keys: a URL, or `file:path`; left out: the one that its `/.well-known/openid-configuration` names."
      ),
    secret: text('a secret of at least 32 characters', { min: 32, max: 4096 })
      .optional()
      .describe('Shared key for HS256, HS384 and HS512; no JWKS is read then.'),
    algorithms: listOf(word(ALGORITHMS, foreignAlgorithms), { min: 1, max: 15 })
      .optional()
      .describe(
        'Allowed algorithms; left out: RS256, PS256, ES256, EdDSA and Ed25519, or HS256 with a `secret`. A token cannot choose others.'
      ),
    header: fieldName()
      .optional()
      .describe(
        'Field with the token, with or without `Bearer`; without `header`, `cookie` and `query`: `authorization`.'
      ),
    cookie: fieldName().optional().describe('Cookie with the token.'),
    query: text('the name of a parameter', { max: 128 })
      .optional()
      .describe('Parameter of the query with the token.'),
    name: claimPath('sub').prefault('sub').describe('Claim with the name.'),
    unverifiedEmail: unverifiedEmail(),
    roles: claimPath('realm_access.roles')
      .optional()
      .describe('Claim with the roles: a list, or words separated by spaces.'),
    scopes: claimPath('scope')
      .prefault('scope')
      .describe('Claim with the scopes: words separated by spaces, or a list.'),
    skew: duration({ min: 0, max: 600_000, example: '60s' })
      .prefault('60s')
      .describe('How far clocks may differ.'),
    refresh: duration({ min: 10_000, max: 24 * 3_600_000, example: '10m' })
      .prefault('10m')
      .describe('How often the keys are fetched again; the old ones are used meanwhile.'),
    timeout: duration({ min: 100, max: 60_000, example: '5s' })
      .prefault('5s')
      .describe('How long a fetch of the keys may take, and how long a request waits for it.'),
    maxTokens: integer(0, 1_000_000)
      .prefault(10_000)
      .describe('Proven tokens that each thread remembers until they expire.'),
    dpop: z
      .union([off(), dpopSchema])
      .prefault({})
      .describe(
        'How a client proves that a token bound to a key (`cnf`) is its own: by DPoP (RFC 9449), or by its client certificate; `false`: not checked.'
      )
  },
  { example: '{ issuer: "https://idp.example", audience: api }' }
)

export type JwtInput = z.output<typeof jwtSchema>
