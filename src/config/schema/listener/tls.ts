import { z } from 'zod'
import { foreignTlsVersions } from '../../report/foreign-words.ts'
import { defaults } from '../../defaults.ts'
import { mapping, listOf } from '../leaf/leaf.ts'
import { flag, text, word } from '../leaf/leaves.ts'
import { firstOf, loneText, loneTrue } from '../leaf/lone.ts'
import { filePath } from '../leaf/network-leaves.ts'
import { listenerAcme } from '../acme.ts'

/** `tls` of a listener: what clients see. */
const SELF_SIGNED =
  'did you mean { selfSigned: true }? With certificates it is { certificates: { cert: FILE, key: FILE } }'

/** `true`, `auto`, `/etc/ssl/a.pem`: the mapping that is meant. */
function tlsMeant(value: unknown): string | undefined {
  if (value === true) return SELF_SIGNED
  if (Array.isArray(value) && value.length > 0)
    return 'a list of certificates is `{ certificates: [{ cert: FILE, key: FILE }] }`'
  if (typeof value !== 'string') return undefined
  if (/^(on|yes|true)$/i.test(value)) return SELF_SIGNED
  if (/^(internal|self-?signed|dev)$/i.test(value)) return 'did you mean { selfSigned: true }?'
  if (/^(auto|acme|lets-?encrypt)$/i.test(value)) return 'did you mean { acme: { domains: [example.com] } }?'
  if (/^[^@\s]+@[^@\s]+$/.test(value))
    return 'did you mean { acme: { domains: [example.com] } }? The address goes to `acme: { email: @ }` at the top of the file'
  return /[./]/.test(value) ? 'did you mean { certificates: { cert: "@", key: FILE } }?' : undefined
}

export const listenerTls = mapping(
  {
    certificates: z
      .union([
        listOf(
          mapping(
            {
              cert: filePath().describe('PEM file with the certificate and its chain.'),
              key: filePath().describe('PEM file with the private key.')
            },
            {
              lone: (value) =>
                typeof value === 'string'
                  ? /\.(?:pem|crt|cer|key)$/.test(value)
                    ? 'did you mean { cert: "@", key: FILE }?'
                    : 'did you mean { dir: "@" }?'
                  : undefined
            }
          ),
          { min: 1, max: 1000 }
        ),
        mapping({
          dir: filePath().describe(
            'Folder with `x.crt` and `x.key`, or folders with `fullchain.pem` and `privkey.pem` or `tls.crt` and `tls.key`.'
          )
        })
      ])
      .optional()
      .describe(
        'Certificates, chosen by the name the client asks for (SNI); the first is for any other name. They are read again when the files change.'
      ),
    selfSigned: flag()
      .prefault(defaults.tls.selfSigned)
      .describe('For development: a certificate for localhost is made at start.'),
    acme: listenerAcme
      .optional()
      .describe('Certificates are obtained from an authority and renewed (see `acme`), one for each name.'),
    minVersion: word(['TLSv1.2', 'TLSv1.3'], foreignTlsVersions)
      .prefault(defaults.tls.minVersion)
      .describe('Oldest version of TLS that is spoken.'),
    ciphers: text('cipher suites as OpenSSL names them', { max: 4096 })
      .optional()
      .describe(
        'Cipher suites as OpenSSL names them, joined by colons, for clients that are old; left out: ECDHE with AES-GCM or ChaCha20.'
      ),
    ocsp: flag()
      .optional()
      .describe(
        'Staple OCSP responses, which are fetched from the responder that a certificate names; left out: for certificates that demand it (must-staple), false: never.'
      ),
    clientAuth: mapping(
      {
        ca: filePath().describe('PEM file with the authorities that sign client certificates.'),
        crl: filePath()
          .optional()
          .describe('PEM file with the revocation lists of these authorities, all of them.'),
        required: flag()
          .prefault(defaults.tls.clientAuth.required)
          .describe('Refuse clients without a certificate; false: ask, but let them in.'),
        forward: flag()
          .prefault(defaults.tls.clientAuth.forward)
          .describe(
            'Tell backends who it is in `X-Client-Cert-Subject`, `-Issuer`, `-San`, `-Fingerprint`, `-Serial` and `-Not-After`, which clients cannot forge (l7).'
          )
      },
      {
        lone: firstOf(loneText('ca', /[./]/), (value) =>
          value === true || typeof value === 'string' ? 'did you mean { ca: FILE }?' : undefined
        )
      }
    )
      .optional()
      .describe('Mutual TLS: ask clients for a certificate.')
  },
  {
    lone: tlsMeant,
    elsewhere: {
      cert: 'belongs under `certificates`: { certificates: { cert: FILE, key: FILE } }',
      key: 'belongs under `certificates`, beside `cert`',
      certificate: 'is `certificates: { cert: FILE, key: FILE }` here',
      certFile: 'is `certificates: { cert: FILE, key: FILE }` here',
      keyFile: 'belongs under `certificates`, beside `cert`'
    }
  }
)

/** `tls` of a pool: what backends see. */
export const backendTls = mapping(
  {
    ca: filePath()
      .optional()
      .describe(
        "PEM file with the authorities that sign the backends' certificates; left out: the system's."
      ),
    serverName: text('a host name such as site.internal', { max: 253 })
      .optional()
      .describe("Name sent (SNI) and looked for in the certificate; left out: the backend's host."),
    cert: filePath().optional().describe('PEM file with the certificate that `lb` shows to backends.'),
    key: filePath().optional().describe('PEM file with its private key.'),
    verify: flag()
      .prefault(defaults.tls.verify)
      .describe("Check the backends' certificates; false takes any, which anyone in between can forge.")
  },
  {
    lone: loneTrue('did you mean {}?'),
    elsewhere: Object.fromEntries(
      ['insecure', 'insecureSkipVerify', 'skipVerify', 'rejectUnauthorized'].map((key) => [
        key,
        'is `verify: false` here'
      ])
    )
  }
)

export type ListenerTlsInput = z.output<typeof listenerTls>
export type BackendTlsInput = z.output<typeof backendTls>
