import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { z } from 'zod'
import { authorityUrl } from '../acme-authorities.ts'
import { isHostName } from '../addresses.ts'
import { foreignChallenges } from '../report/foreign-words.ts'
import { defaults } from '../defaults.ts'
import { listOf, mapping } from './leaf/leaf.ts'
import { rate, text, word } from './leaf/leaves.ts'
import { firstOf, loneList, loneText, loneTrue } from './leaf/lone.ts'
import { httpUrl } from './leaf/network-leaves.ts'
import { filePath } from './leaf/path-leaves.ts'

function authority() {
  return text('letsencrypt, letsencrypt-staging, zerossl, google or the URL of a directory', {
    max: 2048,
    json: { title: 'authority', examples: ['letsencrypt', 'https://ca.internal/acme/directory'] },
    reject: (value) =>
      authorityUrl(value) === undefined
        ? /staging|test/i.test(value)
          ? `"${value}" is not an authority; did you mean "letsencrypt-staging"?`
          : `"${value}" is neither an authority that lb knows (letsencrypt, letsencrypt-staging, zerossl, google) nor an https URL`
        : undefined
  })
}

const eab = mapping({
  kid: text('a key identifier', { max: 512 }).describe('Identifier of your account, from the authority.'),
  key: text('a key in base64url', {
    max: 4096,
    reject: (value) => (/^[\w+/=-]+$/.test(value) ? undefined : 'a key is written in base64url')
  }).describe('MAC key of the account, base64url; may be `file:/path`.')
})

const directory = z.union([
  authority(),
  mapping({
    url: authority().describe('One of these names, or the URL of its directory.'),
    ca: filePath()
      .optional()
      .describe('PEM file with the CA of its own HTTPS certificate, for a private authority.'),
    eab: eab.optional().describe('External account binding, if the authority requires it.')
  })
])

/** How certificates are obtained: `acme` at the root. */
export const acmeSchema = mapping(
  {
    email: text('an address such as ops@example.com', {
      max: 254,
      reject: (value) =>
        value.startsWith('mailto:')
          ? `write the address only: "${value.slice('mailto:'.length)}"`
          : /^[^\s@]+@[^\s@]+$/.test(value)
            ? undefined
            : `"${value}" is not an e-mail address`
    })
      .optional()
      .describe('Contact address for the authority.'),
    directory: listOf(directory, { min: 1, max: 8 })
      .prefault(defaults.acme.directory)
      .describe(
        'The authority: `letsencrypt`, `letsencrypt-staging`, `zerossl`, `google`, a URL, or `{ url, ca, eab }`. With several, the next is used when one fails.'
      ),
    challenge: word(['tls-alpn-01', 'http-01', 'dns-01'], foreignChallenges)
      .prefault(defaults.acme.challenge)
      .describe(
        'How control of a name is proved: on port 443, on port 80, or by a DNS record that `hook` creates.'
      ),
    hook: listOf(text('a program such as ./dns-hook.sh', { max: 4096 }), { min: 1, max: 32 })
      .optional()
      .describe(
        'For dns-01: a program with its arguments. It is run with `present` or `cleanup`, the name of the TXT record and its text.'
      ),
    storage: text('redis, or the path of a folder such as /var/lib/lb/acme', {
      max: 4096,
      json: { title: 'folder' }
    })
      .prefault(defaults.acme.storage)
      .describe(
        'Folder for accounts, keys and certificates, created with mode 0700; or `redis`: instances that share it order each name once.'
      ),
    profile: text('the name of a profile such as shortlived', { max: 128 })
      .optional()
      .describe('Certificate profile of the authority; left out: its default.')
  },
  { lone: firstOf(loneText('email', /@/), loneTrue('did you mean { email: ADDRESS }?')) }
)

/** `acme` of a listener's `tls`: the names to obtain certificates for. */
export const listenerAcme = mapping(
  {
    domains: listOf(
      text('a name such as example.com', {
        max: 253,
        json: { title: 'domain' },
        reject: domainProblem
      }),
      { min: 1, max: 1000 }
    )
      .optional()
      .describe('Names, `*.example.com` (with dns-01) and IP addresses.'),
    onDemand: mapping(
      {
        ask: httpUrl('http://127.0.0.1:9000/may').describe(
          'URL that is asked with `?domain=NAME` before a name is ordered; 200 allows it.'
        ),
        rate: rate({ example: '10/h' }).prefault(defaults.acme.rate).describe('New names at most.')
      },
      {
        lone: firstOf(
          loneText('ask', /^https?:/),
          loneTrue('name the URL to ask: { ask: "http://127.0.0.1:9000/may" }')
        )
      }
    )
      .optional()
      .describe('Obtains certificates for names when clients first request them.')
  },
  {
    lone: firstOf(
      loneText('domains', /\./),
      loneList('domains'),
      (value) =>
        typeof value === 'string'
          ? 'name the domains: { domains: [example.com] }; the authority is `acme: { directory: … }` at the top of the file'
          : undefined,
      loneTrue('did you mean { domains: [example.com] }?')
    )
  }
)

function domainProblem(value: string): string | undefined {
  const name = value.startsWith('*.') ? value.slice(2) : value
  if (isIP(value) !== 0) return undefined
  if (isHostName(name)) return undefined
  const written = /^(?:https?:\/\/)?([^\s/:*]+?)\.?(?::\d+)?(?:\/.*)?$/.exec(name)?.[1]
  const ascii = written === undefined ? '' : domainToASCII(written)
  const host = isHostName(ascii) ? `${name === value ? '' : '*.'}${ascii}` : undefined
  return `"${value}" is not a name that can have a certificate${host === undefined ? '' : `; write "${host}"`}`
}

export type AcmeInput = z.output<typeof acmeSchema>
export type ListenerAcmeInput = z.output<typeof listenerAcme>
