import { z } from 'zod'
import { listOf, mapping } from '../../../../config/schema/leaf/leaf.ts'
import { text, word } from '../../../../config/schema/leaf/leaves.ts'
import { roleName } from '../api-keys/keys.ts'

const roles = () => listOf(roleName(), { max: 100 })

export const clientCertSchema = mapping(
  {
    subjects: z
      .record(text('a subject such as CN=alice,O=Example', { max: 1024 }), roles())
      .prefault({})
      .describe('Roles by subject (`CN=alice,O=Example`), or by its common name alone (`CN=alice`).'),
    names: z
      .record(text('a name such as DNS:alice.example', { max: 1024 }), roles())
      .prefault({})
      .describe('Roles by subject alternative name: `DNS:…`, `email:…`, `URI:…`, `IP:…`.'),
    fingerprints: z
      .record(
        text('a SHA-256 fingerprint of 64 hex digits', {
          max: 128,
          reject: (value) =>
            /^[0-9a-f]{64}$/i.test(value.replaceAll(':', '')) ? undefined : 'a fingerprint has 64 hex digits'
        }),
        roles()
      )
      .prefault({})
      .describe('Roles by fingerprint of the certificate.'),
    any: roles()
      .optional()
      .describe('Roles of every other certificate that the listener accepts; left out: others are refused.'),
    identity: word(['common-name', 'subject', 'name', 'fingerprint'])
      .prefault('common-name')
      .describe('Name of the identity: common name, whole subject, first alternative name, or fingerprint.')
  },
  { example: '{ subjects: { "CN=alice": [admin] } }' }
)

export type ClientCertInput = z.output<typeof clientCertSchema>
