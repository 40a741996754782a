import { z } from 'zod'
import { listOf, mapping } from '../leaf/leaf.ts'
import { text } from '../leaf/leaves.ts'
import { firstOf, loneText } from '../leaf/lone.ts'
import {
  absolutePath,
  cidrs,
  fieldName,
  fieldValue,
  hostPattern,
  method,
  regex
} from '../leaf/network-leaves.ts'

/** `match` of a route: what a request must have. */
export const matchSchema = mapping(
  {
    host: listOf(hostPattern(), { max: 1000 })
      .optional()
      .describe('Host names; `*.example.com` is any subdomain.'),
    path: absolutePath().optional().describe('The whole path.'),
    pathPrefix: absolutePath()
      .optional()
      .describe('The beginning of the path, by whole segments: `/api` is not `/apix`.'),
    pathRegex: regex().optional().describe('A regular expression that the path must match.'),
    methods: listOf(method(), { max: 50 }).optional().describe('Methods.'),
    headers: z
      .record(fieldName(), fieldValue())
      .optional()
      .describe('Fields and their values; `"*"`: present, whatever the value.'),
    query: z
      .record(z.string().max(256), text('the value of a query parameter', { min: 0 }))
      .optional()
      .describe('Query parameters and their values; `"*"`: present.'),
    clientIp: cidrs().optional().describe('Networks that the client must be in.'),
    clientCert: listOf(text('a subject, a name or a fingerprint such as "CN=alice"', { max: 1024 }), {
      min: 1,
      max: 1000
    })
      .optional()
      .describe(
        "What the client's certificate must have: its subject (`CN=alice`), a name (`DNS:…`, `URI:…`, `email:…`, `IP:…`) or fingerprint (`sha256:…`); `*` stands for anything."
      )
  },
  {
    lone: firstOf(loneText('pathPrefix', /^\//), loneText('host')),
    elsewhere: {
      url: 'is `path` or `pathPrefix`, and `query` for what is behind the "?"',
      uri: 'is `path` or `pathPrefix`, and `query` for what is behind the "?"',
      prefix: 'is `pathPrefix` here',
      paths: 'is `path`, one per route; several are `pathRegex: "^/(a|b)$"`',
      regex: 'is `pathRegex` here'
    }
  }
)

export type MatchInput = z.output<typeof matchSchema>
