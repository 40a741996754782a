import { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { duration, integer, text } from '../../../../config/schema/leaf/leaves.ts'
import { roleName } from '../api-keys/keys.ts'
import { whyNotVerifiable } from './why-not-verifiable.ts'

const NO_HASH =
  'passwords are written as hashes (bcrypt, apr1, SHA-crypt, argon2, scrypt): write what `htpasswd -nB NAME` or `openssl passwd -6` prints'

const userName = () => text('a name such as alice', { max: 256 })

export const basicSchema = mapping(
  {
    users: z
      .union([
        text('a file such as file:/etc/lb/htpasswd', {
          max: 4096,
          reject: (value) =>
            value.startsWith('file:')
              ? undefined
              : /^[^/:]+:/.test(value)
                ? 'each name is a key, with its hash: { NAME: HASH }'
                : `write "file:${value}"`
        }),
        z.record(
          userName(),
          text('a hash as htpasswd writes it', {
            max: 1024,
            // The value may be a password, so the message does not repeat it.
            reject: (value) => (whyNotVerifiable(value) === undefined ? undefined : NO_HASH)
          })
        )
      ])
      .describe(
        'Hashes by name, or `file:path` of an htpasswd file, read again when it changes: bcrypt, apr1, SHA-crypt, argon2, scrypt.'
      ),
    roles: z
      .record(userName(), listOf(roleName(), { max: 100 }))
      .prefault({})
      .describe('Roles by name.'),
    remember: duration({ min: 0, max: 24 * 3_600_000, example: '5m' })
      .prefault('5m')
      .describe('How long a proven pair is accepted without hashing it again.'),
    queue: integer(1, 10_000)
      .prefault(64)
      .describe('Most passwords that may wait to be hashed, on each thread; over it: 503.'),
    timeout: duration({ min: 100, max: 60_000, example: '5s' })
      .prefault('5s')
      .describe('How long a request waits for its password to be hashed; then 503.')
  },
  {
    unknown: (key) =>
      /^(?:user(?:name)?|password(?:hash)?|pass|hash)$/i.test(key)
        ? '; here it is `users: { NAME: HASH }`; `htpasswd -nB NAME` prints both'
        : undefined,
    example: '{ users: file:/etc/lb/htpasswd }',
    lone: (value) =>
      typeof value === 'string' && /^(?:file:|\.{0,2}\/)\S+$/.test(value)
        ? `did you mean { users: "file:${value.replace(/^file:/, '')}" }?`
        : 'each user stands below `users`: { users: { NAME: HASH } }; `htpasswd -nB NAME` prints both'
  }
)

export type BasicInput = z.output<typeof basicSchema>
