import { z } from 'zod'
import { listOf, mapping } from '../leaf/leaf.ts'
import { size, text } from '../leaf/leaves.ts'
import { foreignPathRegex } from '../../report/foreign-values.ts'
import { foreignMatch, matchMeant } from '../../report/foreign-matches.ts'
import {
  absolutePath,
  cidrs,
  fieldName,
  fieldValue,
  hostPattern,
  method,
  regex
} from '../leaf/network-leaves.ts'

/** Kinds of comparison that Envoy and the Gateway API name by keys. */
function otherMatch(key: string): string | undefined {
  if (/^(?:exact|equals?|value|is)$/i.test(key))
    return '; here it is the text alone, in place of the mapping, or `regex`'
  if (/^(?:present|exists)$/i.test(key)) return '; here it is "*", in place of the mapping, or `regex`'
  return /^(?:contains|prefix|suffix|starts_?with|ends_?with|safe_?regex.*|reg_?exp?|pattern|like)$/i.test(
    key
  )
    ? '; here it is `regex: "^v[12]$"`, which is found anywhere without ^ and $'
    : undefined
}

/** A value as it is written, or an expression. */
function valueMatch<Value extends z.ZodType>(value: Value) {
  const expression = mapping(
    {
      regex: regex('a regular expression such as "^v[12]$"').describe(
        'Regular expression that is found in the value.'
      )
    },
    {
      lone: (given) => (Array.isArray(given) ? 'one of several is { regex: "^(?:a|b)$" }' : undefined),
      unknown: otherMatch
    }
  )
  return z.union([value, expression])
}

const conditions = {
  host: listOf(hostPattern(), { max: 1000 })
    .optional()
    .describe('Host names; `*.example.com` is any subdomain.'),
  path: absolutePath().optional().describe('Complete path.'),
  pathPrefix: absolutePath()
    .optional()
    .describe('Beginning of the path, in whole segments: `/api` does not match `/apix`.'),
  pathRegex: regex(undefined, foreignPathRegex)
    .optional()
    .describe('Regular expression that the path must match.'),
  methods: listOf(method({ named: true }), { max: 50 })
    .optional()
    .describe('Methods.'),
  headers: z
    .record(fieldName(), valueMatch(fieldValue(foreignMatch)))
    .optional()
    .describe('Fields and their values; `"*"`: any value; `{ regex: … }`: an expression found in it.'),
  query: z
    .record(
      z.string().max(256),
      valueMatch(text('the value of a query parameter', { min: 0, reject: foreignMatch }))
    )
    .optional()
    .describe('Query parameters and their values; `"*"`: any value; `{ regex: … }`: an expression.'),
  clientIp: cidrs().optional().describe('Networks that the client must be in.'),
  clientCert: listOf(text('a subject, a name or a fingerprint such as "CN=alice"', { max: 1024 }), {
    min: 1,
    max: 1000
  })
    .optional()
    .describe(
      "Subject (`CN=alice`), name (`DNS:…`, `URI:…`, `email:…`, `IP:…`) or fingerprint (`sha256:…`) of the client's certificate; `*` matches any text."
    ),
  cookies: z
    .record(
      text('the name of a cookie', { max: 128 }),
      valueMatch(text('the value of a cookie', { min: 0, max: 4096, reject: foreignMatch }))
    )
    .optional()
    .describe('Cookies and their values; `"*"`: any value; `{ regex: … }`: an expression.'),
  body: mapping({
    over: size({ example: '1mb' }).optional().describe('Longer than this, or of a length that is not said.'),
    under: size({ example: '10mb' }).optional().describe('Shorter than this; no body is shorter than any.')
  })
    .optional()
    .describe('Size of the body, by its Content-Length.')
}

const options = {
  lone: matchMeant,
  elsewhere: {
    url: 'is `path` or `pathPrefix`, and `query` for the text after the "?"',
    uri: 'is `path` or `pathPrefix`, and `query` for the text after the "?"',
    prefix: 'is `pathPrefix` here',
    paths: 'is `path`, one per route; several are `pathRegex: "^/(a|b)$"`',
    regex: 'is `pathRegex` here'
  }
}

/** One level of `any` and `not`, so that the conditions stay readable. */
const part = mapping(conditions, options)

/** `match` of a route: the conditions for a request. */
export const matchSchema = mapping(
  {
    ...conditions,
    any: listOf(part, { min: 1, max: 100 })
      .optional()
      .describe('Matches of which one must hold, in addition to the conditions beside it.'),
    not: listOf(part, { min: 1, max: 100 })
      .optional()
      .describe('Matches of which none may hold, with all its conditions.')
  },
  options
)

export type MatchInput = z.output<typeof matchSchema>
export type MatchPartInput = z.output<typeof part>
