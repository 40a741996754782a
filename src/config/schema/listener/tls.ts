import { z } from 'zod'
import { foreignTlsVersions } from '../../report/foreign-words.ts'
import { defaults } from '../../defaults.ts'
import { mapping, listOf } from '../leaf/leaf.ts'
import { flag, text, word } from '../leaf/leaves.ts'
import { firstOf, loneText, loneTrue } from '../leaf/lone.ts'
import { filePath, folderPath } from '../leaf/path-leaves.ts'
import { listenerAcme } from '../acme.ts'

/** `tls` of a listener, towards clients. */
const SELF_SIGNED =
  'did you mean { selfSigned: true }? With certificates it is { certificates: { cert: FILE, key: FILE } }'

/** The mapping that `true`, `auto` or `/etc/ssl/a.pem` probably means. */
function tlsMeant(value: unknown): string | undefined {
  if (value === true) return SELF_SIGNED
  if (Array.isArray(value) && value.length > 0)
    return 'a list of certificates is `{ certificates: [{ cert: FILE, key: FILE }] }`'
  if (value === 'passthrough') return 'take the key out, with `mode: l4`: bytes then pass as they come'
  if (typeof value !== 'string') return undefined
  if (/^(on|yes|true)$/i.test(value)) return SELF_SIGNED
  if (/^(internal|self-?signed|dev)$/i.test(value)) return 'did you mean { selfSigned: true }?'
  if (/^(auto|acme|lets-?encrypt)$/i.test(value)) return 'did you mean { acme: { domains: [example.com] } }?'
  if (/^[^@\s]+@[^@\s]+$/.test(value))
    return 'did you mean { acme: { domains: [example.com] } }? The address goes to `acme: { email: @ }` at the top of the file'
  const both = twoFiles(value)
  if (both !== undefined) return both.replace('{', '{ certificates: {').replace('}', '} }')
  return /[./]/.test(value) ? 'did you mean { certificates: { cert: "@", key: FILE } }?' : undefined
}

/** Certificate and key in one text, as Caddy has them behind `tls`. */
function twoFiles(value: string): string | undefined {
  const [cert, key, more] = value.split(/[\s,;:]+/).filter((part) => part !== '')
  if (key === undefined || more !== undefined || !/[./]/.test(cert!)) return undefined
  return `did you mean { cert: "${cert!}", key: "${key}" }?`
}

/** nginx's `ssl_verify_client optional`, and its like. */
function optional(value: unknown): string | undefined {
  return typeof value === 'string' && /^(?:optional|request|verify-?if-?given|want|try)/i.test(value)
    ? 'did you mean { ca: FILE, required: false }?'
    : undefined
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
              elsewhere: { dir: 'stands without a list: `certificates: { dir: /etc/lb/certs }`' },
              lone: (value) =>
                typeof value === 'string'
                  ? (twoFiles(value) ??
                    (/\.(?:pem|crt|cer|key)$/.test(value)
                      ? 'did you mean { cert: "@", key: FILE }?'
                      : 'did you mean { dir: "@" }?'))
                  : undefined
            }
          ),
          { min: 1, max: 1000 }
        ),
        mapping({
          dir: folderPath('write one folder: those in it are read too, also by symbolic links').describe(
            'Folder with `x.crt` and `x.key`, or folders with `fullchain.pem` and `privkey.pem` or `tls.crt` and `tls.key`.'
          )
        })
      ])
      .optional()
      .describe(
        'Certificates, chosen by the name that the client requests (SNI); the first is for any other name. They are read again when the files change.'
      ),
    selfSigned: flag()
      .prefault(defaults.tls.selfSigned)
      .describe('For development: creates a certificate for localhost at start.'),
    acme: listenerAcme
      .optional()
      .describe('Obtains certificates from an authority and renews them (see `acme`), one for each name.'),
    minVersion: word(['TLSv1.2', 'TLSv1.3'], foreignTlsVersions)
      .prefault(defaults.tls.minVersion)
      .describe('Oldest version of TLS to accept.'),
    ciphers: text('cipher suites as OpenSSL names them', { max: 4096 })
      .optional()
      .describe(
        'Cipher suites by their OpenSSL names, joined by colons, for old clients; left out: ECDHE with AES-GCM or ChaCha20.'
      ),
    ocsp: flag()
      .optional()
      .describe(
        'Staples OCSP responses, fetched from the responder that a certificate names; left out: for certificates that require it (must-staple); false: never.'
      ),
    clientAuth: mapping(
      {
        ca: filePath().describe('PEM file with the authorities that sign client certificates.'),
        crl: filePath().optional().describe('PEM file with the revocation lists of all these authorities.'),
        required: flag()
          .prefault(defaults.tls.clientAuth.required)
          .describe('Refuse clients without a certificate; false: request one, but accept clients without.'),
        forward: flag()
          .prefault(defaults.tls.clientAuth.forward)
          .describe(
            'Send the certificate to backends in `X-Client-Cert-Subject`, `-Issuer`, `-San`, `-Fingerprint`, `-Serial` and `-Not-After`, which clients cannot forge (l7).'
          )
      },
      {
        lone: firstOf(loneText('ca', /[./]/), optional, (value) =>
          value === true || typeof value === 'string' ? 'did you mean { ca: FILE }?' : undefined
        )
      }
    )
      .optional()
      .describe('Mutual TLS: request a certificate from clients.')
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

/** `tls` of a pool, towards backends. */
export const backendTls = mapping(
  {
    ca: filePath()
      .optional()
      .describe(
        "PEM file with the authorities that sign the backends' certificates; left out: the system's."
      ),
    serverName: text('a host name such as site.internal', {
      max: 253,
      reject: (value) =>
        value.includes('*') ? `"${value}" is several names, and one is sent: write it whole` : undefined
    })
      .optional()
      .describe("Name to send (SNI) and to check the certificate for; left out: the backend's host."),
    cert: filePath().optional().describe('PEM file with the certificate that `lb` presents to backends.'),
    key: filePath().optional().describe('PEM file with its private key.'),
    verify: flag()
      .prefault(defaults.tls.verify)
      .describe("Check the backends' certificates; false accepts any, even one forged on the way.")
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
