import { own } from '../../../core/own.ts'
import { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { duration, flag, integer, off, word } from '../../../config/schema/leaf/leaves.ts'
import { shadowKey, stageKeys } from '../stage-keys.ts'
import { apiKeysSchema } from './api-keys/keys.ts'
import { basicSchema } from './basic/keys.ts'
import { oidcSchema } from './oidc/keys.ts'
import { introspectionSchema } from './introspection/keys.ts'
import { forwardSchema } from './forward/keys.ts'
import { jwtSchema } from './jwt/keys.ts'
import { clientCertSchema } from './client-cert/keys.ts'

const guesses = mapping({
  requests: integer(1, 1_000_000).prefault(20).describe('Refused credentials that are allowed.'),
  per: duration({ min: 1000, max: 24 * 3_600_000, example: '1m' })
    .prefault('1m')
    .describe('Within this time.')
})

/** One method of authentication. */
const method = mapping(
  {
    apiKeys: apiKeysSchema.optional().describe('Keys in a field, a cookie or the query.'),
    basic: basicSchema.optional().describe('Names and passwords.'),
    jwt: jwtSchema.optional().describe('Signed tokens of an issuer (JWT).'),
    introspection: introspectionSchema
      .optional()
      .describe('Opaque tokens: their issuer is asked (RFC 7662).'),
    forward: forwardSchema.optional().describe('An external service decides.'),
    oidc: oidcSchema.optional().describe('Login at an OpenID provider; the session is a sealed cookie.'),
    clientCert: clientCertSchema.optional().describe('The certificate of mutual TLS.')
  },
  {
    example: '{ apiKeys: { keys: { alice: "${API_KEY_ALICE}" } } }',
    lone: methodMeant,
    elsewhere: Object.fromEntries(
      ['optional', 'guesses', 'audit', 'shadow'].map((key) => [
        key,
        `goes beside \`methods\`: auth: { methods: [{ … }], ${key}: … }`
      ])
    )
  }
)

/** A method's name without its settings, a file of passwords, a name with its password. The last is not repeated. */
function methodMeant(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (own(method.shape, value) !== undefined) return `did you mean { ${value}: { … } }?`
  if (/^(?:file:|\.{0,2}\/)\S+$/.test(value))
    return `did you mean { basic: { users: "file:${value.replace(/^file:/, '')}" } }?`
  return value.includes(':')
    ? 'a name with the hash of its password is { basic: { users: { NAME: HASH } } }; `htpasswd -nB NAME` prints them'
    : undefined
}

export type AuthMethodInput = z.output<typeof method>

const policy = {
  optional: flag()
    .prefault(false)
    .describe(
      'Accepts requests without any credential, without an identity; wrong credentials are still refused.'
    ),
  guesses: z
    .union([off(), guesses])
    .prefault({})
    .describe(
      'After this many wrong credentials the answer is 429, counted by address and by user name; `false`: no limit.'
    ),
  audit: word(['refused', 'all', 'off'])
    .prefault('refused')
    .describe('Which decisions get a line in the log, with method and name, never the credential.'),
  ...shadowKey
}

const INSIDE = 'belongs in an item of the list: auth: [{ … }]'

const full = mapping(
  {
    methods: z.array(method).min(1).max(16).describe('The first that recognises its credential decides.'),
    ...policy
  },
  {
    example: '{ methods: [{ apiKeys: { … } }], optional: true }',
    lone: authMeant,
    unknown: (key) =>
      /^(?:type|kind|scheme|mode)$/i.test(key)
        ? '; each method is an item by its name: `auth: [{ basic: { … } }]`'
        : undefined,
    elsewhere: Object.fromEntries(Object.keys(method.shape).map((key) => [key, INSIDE]))
  }
)

/** The same, where a list stands. */
function authMeant(value: unknown): string | undefined {
  return methodMeant(value)?.replace(/\{.*\}/, (whole) => `[${whole}]`)
}

const defaults = mapping(policy).parse({})

export const authKeys = stageKeys({
  words:
    'Authentication: the first method that recognises its credential decides; none: 401. A list of methods, or a mapping with `methods` and further settings.',
  schema: z
    .union([z.array(method).min(1).max(16), full])
    .transform((value): z.output<typeof full> =>
      Array.isArray(value) ? { methods: value, ...defaults } : value
    )
})

export type AuthInput = z.output<typeof full>
