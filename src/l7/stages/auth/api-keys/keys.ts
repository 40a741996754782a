import { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { text } from '../../../../config/schema/leaf/leaves.ts'
import { fieldName } from '../../../../config/schema/leaf/network-leaves.ts'

const SHA256 = /^sha256:/i

/** A key as clients send it, or its digest. */
function key() {
  return text('a key, or "sha256:" and the 64 hex digits of its digest', {
    min: 0,
    max: 4096,
    reject: (value) =>
      !/^[\x21-\x7e]*$/.test(value)
        ? 'a key consists of visible ASCII characters'
        : SHA256.test(value) && !/^sha256:[0-9a-f]{64}$/i.test(value)
          ? 'behind "sha256:" stand 64 hex digits'
          : undefined
  })
}

export const roleName = () =>
  text('a role such as admin', {
    max: 128,
    reject: (value) => (/^[^\s,]+$/.test(value) ? undefined : 'a role has no spaces and no commas')
  })

const ownerName = () => text('a name such as alice', { max: 256 })

const source = z.union([
  text('a file such as file:/etc/lb/keys', {
    max: 4096,
    reject: (value) => (value.startsWith('file:') ? undefined : 'write "file:" and the path of the file')
  }),
  z.record(ownerName(), listOf(key(), { min: 1, max: 16 }))
])

export const apiKeysSchema = mapping(
  {
    header: fieldName()
      .optional()
      .describe('Field with the key; without `header`, `query` and `cookie`: `x-api-key`.'),
    prefix: text('a word such as Bearer', { max: 32 })
      .optional()
      .describe('Word before the key and a space in the field: `Bearer`; a field without it is ignored.'),
    query: text('the name of a parameter', { max: 128 })
      .optional()
      .describe('Parameter of the query with the key.'),
    cookie: fieldName().optional().describe('Cookie with the key.'),
    keys: source.describe(
      'Keys by the name of their owner, several during a change; as clients send them, or as `sha256:` and the digest. Or `file:path`: lines of name, key and roles, read again whenever the file changes.'
    ),
    roles: z
      .record(ownerName(), listOf(roleName(), { max: 100 }))
      .prefault({})
      .describe('Roles by name.')
  },
  {
    example: '{ header: x-api-key, keys: { alice: "${API_KEY_ALICE}" } }',
    lone: (value) =>
      Array.isArray(value) || typeof value === 'string'
        ? 'each key has a name: { keys: { NAME: KEY } }'
        : undefined
  }
)

export type ApiKeysInput = z.output<typeof apiKeysSchema>
