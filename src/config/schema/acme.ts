import { isIP } from 'node:net'
import { z } from 'zod'
import { authorityUrl } from '../acme-authorities.ts'
import { isHostName } from '../addresses.ts'
import { foreignChallenges } from '../report/foreign-words.ts'
import { defaults } from '../defaults.ts'
import { listOf, mapping } from './leaf/leaf.ts'
import { rate, text, word } from './leaf/leaves.ts'
import { firstOf, loneText, loneTrue } from './leaf/lone.ts'
import { filePath } from './leaf/network-leaves.ts'

function authority() {
  return text('letsencrypt, letsencrypt-staging, zerossl, google or the URL of a directory', {
    max: 2048,
    json: { title: 'authority', examples: ['letsencrypt', 'https://ca.internal/acme/directory'] },
    reject: (value) =>
      authorityUrl(value) === undefined
        ? /staging|test/i.test(value)
          ? `"${value}" is no authority; did you mean "letsencrypt-staging"?`
          : `"${value}" is neither an authority that lb knows (letsencrypt, letsencrypt-staging, zerossl, google) nor an https URL`
        : undefined
  })
}

function httpUrl(example: string) {
  return text(`a URL such as "${example}"`, {
    max: 2048,
    json: { title: 'URL' },
    reject: (value) =>
      URL.canParse(value) && /^https?:\/\//.test(value)
        ? undefined
        : `"${value}" is no http or https URL${/^[\w.-]+(?::\d+)?(?:\/\S*)?$/.test(value) ? `; did you mean "https://${value}"?` : ''}`
  })
}

const eab = mapping({
  kid: text('a key identifier', { max: 512 }).describe('Which account it is, as the authority has told.'),
  key: text('a key in base64url', {
    max: 4096,
    reject: (value) => (/^[\w+/=-]+$/.test(value) ? undefined : 'a key is written in base64url')
  }).describe('Its MAC key, base64url; may be `file:/path`.')
})

const directory = z.union([
  authority(),
  mapping({
    url: authority().describe('One of these words, or the URL of its directory.'),
    ca: filePath()
      .optional()
      .describe('PEM file with the authorities of its own HTTPS certificate, for a private one.'),
    eab: eab.optional().describe('External account binding, where it asks for it.')
  })
])

/** How certificates are had: `acme` at the root. */
export const acmeSchema = mapping(
  {
    email: text('an address such as ops@example.com', {
      max: 254,
      reject: (value) => (/^[^\s@]+@[^\s@]+$/.test(value) ? undefined : `"${value}" is no e-mail address`)
    })
      .optional()
      .describe('Whom the authority writes to.'),
    directory: listOf(directory, { min: 1, max: 8 })
      .prefault(defaults.acme.directory)
      .describe(
        'Who signs: `letsencrypt`, `letsencrypt-staging`, `zerossl`, `google`, a URL, or `{ url, ca, eab }`. Of several the next is asked where one fails.'
      ),
    challenge: word(['tls-alpn-01', 'http-01', 'dns-01'], foreignChallenges)
      .prefault(defaults.acme.challenge)
      .describe(
        'How a name is proved to be ours: on port 443, on port 80, or by a record that `hook` puts in place.'
      ),
    hook: listOf(text('a program such as ./dns-hook.sh', { max: 4096 }), { min: 1, max: 32 })
      .optional()
      .describe(
        'For dns-01: a program with its arguments. It is called with `present|cleanup`, the name of the TXT record and its text.'
      ),
    storage: text('redis, or the path of a folder such as /var/lib/lb/acme', {
      max: 4096,
      json: { title: 'folder' }
    })
      .prefault(defaults.acme.storage)
      .describe(
        'Folder of accounts, keys and certificates, made with mode 0700; or `redis`: instances that share it order each name once.'
      ),
    profile: text('the name of a profile such as shortlived', { max: 128 })
      .optional()
      .describe("A profile of the authority's; left out: its default.")
  },
  { lone: firstOf(loneText('email', /@/), loneTrue('did you mean { email: ADDRESS }?')) }
)

/** `acme` of a listener's `tls`: for which names. */
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
      .describe('Names, `*.example.com` (by dns-01) and addresses.'),
    onDemand: mapping(
      {
        ask: httpUrl('http://127.0.0.1:9000/may').describe(
          'Asked with `?domain=NAME` before a name is ordered; 200 says yes.'
        ),
        rate: rate({ example: '10/h' }).prefault(defaults.acme.rate).describe('New names at most.')
      },
      {
        lone: firstOf(
          loneText('ask', /^https?:/),
          loneTrue('say who is asked: { ask: "http://127.0.0.1:9000/may" }')
        )
      }
    )
      .optional()
      .describe('Certificates for names as clients first ask for them.')
  },
  { lone: firstOf(loneText('domains'), loneTrue('did you mean { domains: [example.com] }?')) }
)

function domainProblem(value: string): string | undefined {
  const name = value.startsWith('*.') ? value.slice(2) : value
  if (isIP(value) !== 0) return undefined
  if (isHostName(name)) return undefined
  const host = /^(?:https?:\/\/)?([\w.-]+)(?::\d+)?(?:\/.*)?$/.exec(value)?.[1]
  return `"${value}" is no name that a certificate could be for${host === undefined ? '' : `; write "${host}"`}`
}

export type AcmeInput = z.output<typeof acmeSchema>
export type ListenerAcmeInput = z.output<typeof listenerAcme>
