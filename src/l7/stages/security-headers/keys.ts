import { z } from 'zod'
import { mapping } from '../../../config/schema/leaf/leaf.ts'
import { flag, lifetime, off, on, text, word } from '../../../config/schema/leaf/leaves.ts'
import { firstOf, loneText } from '../../../config/schema/leaf/lone.ts'
import { fieldValue } from '../../../config/schema/leaf/network-leaves.ts'
import { stageKeys } from '../stage-keys.ts'

function policy(words: string) {
  return z.union([off(), fieldValue()]).optional().describe(words)
}

/** Words that a policy has in single quotes; without them they are names of hosts. */
const BARE =
  /(?:^|[\s;])(self|none|unsafe-inline|unsafe-eval|unsafe-hashes|strict-dynamic|report-sample|(?:nonce|sha256|sha384|sha512)-\S+)(?=[\s;]|$)/

function contentPolicy(words: string) {
  const unquoted = (value: string) => {
    const bare = BARE.exec(value)?.[1]
    return bare === undefined ? undefined : `in a policy it is '${bare}', with its single quotes`
  }
  return z
    .union([off(), fieldValue(undefined, unquoted)])
    .optional()
    .describe(words)
}

const embedder = ['require-corp', 'credentialless', 'unsafe-none'] as const
const opener = ['same-origin', 'same-origin-allow-popups', 'noopener-allow-popups', 'unsafe-none'] as const
const resource = ['same-origin', 'same-site', 'cross-origin'] as const
const referrer = [
  'no-referrer',
  'no-referrer-when-downgrade',
  'origin',
  'origin-when-cross-origin',
  'same-origin',
  'strict-origin',
  'strict-origin-when-cross-origin',
  'unsafe-url'
] as const

const own = mapping(
  {
    preset: word(['api', 'site', 'strict', 'none'])
      .prefault('site')
      .describe('Set of fields to start from; `none`: only the fields named here.'),
    hsts: z
      .union([off(), lifetime({ example: '1y' })])
      .optional()
      .describe('`max-age` of Strict-Transport-Security; sent over TLS only.'),
    hstsSubdomains: flag().prefault(false).describe('Its `includeSubDomains`.'),
    hstsPreload: flag().prefault(false).describe('Adds `preload`, which is hard to undo.'),
    frame: z
      .union([off(), word(['DENY', 'SAMEORIGIN'])])
      .optional()
      .describe('X-Frame-Options.'),
    nosniff: flag().optional().describe('X-Content-Type-Options.'),
    referrer: z
      .union([off(), word(referrer)])
      .optional()
      .describe('Referrer-Policy.'),
    csp: contentPolicy('Content-Security-Policy.'),
    cspReportOnly: contentPolicy('Content-Security-Policy-Report-Only.'),
    permissions: policy('Permissions-Policy.'),
    opener: z
      .union([off(), word(opener)])
      .optional()
      .describe('Cross-Origin-Opener-Policy.'),
    embedder: z
      .union([off(), word(embedder)])
      .optional()
      .describe('Cross-Origin-Embedder-Policy.'),
    resource: z
      .union([off(), word(resource)])
      .optional()
      .describe('Cross-Origin-Resource-Policy.'),
    override: flag()
      .prefault(false)
      .describe("Replace fields that the backend sent; otherwise the backend's field stays."),
    hide: z
      .array(
        text('a field name such as Server', {
          max: 64,
          reject: (name) => (/^[\w-]+$/.test(name) ? undefined : `"${name}" is not a field name`)
        })
      )
      .max(16)
      .prefault(['Server', 'X-Powered-By'])
      .describe('Fields of backends to remove.')
  },
  {
    lone: firstOf(loneText('preset', /^(api|site|strict|none)$/), (value) =>
      Array.isArray(value) ? 'each field is a key with its value: { hsts: 1y, frame: DENY }' : undefined
    )
  }
)

export const securityHeadersKeys = stageKeys({
  words: 'Adds security fields for browsers to every response; `true`: the preset `site`.',
  schema: z.union([on(), own]).transform((value) => (value === true ? own.parse({}) : value))
})

export type SecurityHeadersKeys = z.output<typeof securityHeadersKeys.schema>
