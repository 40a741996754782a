import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { cacheSchema } from './cache.ts'
import { matchSchema } from './match.ts'
import { foreignTarget } from '../../report/foreign-values.ts'
import { leaf, listOf, mapping, Refusal } from '../leaf/leaf.ts'
import { numberOf } from '../../environment/env-text.ts'
import { duration, integer, off, size, text, word } from '../leaf/leaves.ts'
import { firstOf, loneNumber, loneText } from '../leaf/lone.ts'
import { name } from '../leaf/name.ts'
import { absolutePath, fieldValue, method, regex } from '../leaf/network-leaves.ts'
import { routePlugins } from '../plugin-keys.ts'
import { routeRetry } from '../retry.ts'
import { routeStageKeys } from '../stage-schema.ts'

/** Fields that frame a message: `lb` writes them itself, whatever the config says. */
const FRAMING = [
  'connection',
  'content-length',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade'
]

/** `hostToo`: only `set` may name Host, since a request has exactly one (RFC 9112 §3.2). */
function editedField({ hostToo = false } = {}) {
  return text('a field name such as X-Tenant', {
    json: { title: 'field name' },
    max: 128,
    reject(value) {
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value)) {
        const meant = value.trim().replaceAll(/\s+/g, '-').replace(/:.*$/, '')
        const cure = /^[\w-]+$/.test(meant) ? `did you mean "${meant}"?` : 'use letters, digits and dashes'
        return `"${value}" is not a field name; ${cure}`
      }
      if (!hostToo && value.toLowerCase() === 'host') {
        return 'a request has exactly one Host: to change it, put it under `set`'
      }
      if (!FRAMING.includes(value.toLowerCase())) return undefined
      return `"${value}" frames the message and is written by lb itself; it cannot be edited`
    }
  })
}

function poolName() {
  return text('the name of a pool', { max: 64, json: { title: 'pool' } })
}

function edits(side: string) {
  return mapping(
    {
      set: z
        .record(editedField({ hostToo: true }), fieldValue())
        .prefault({})
        .describe('Fields to write, in place of any of that name.'),
      add: z
        .record(editedField(), fieldValue())
        .prefault({})
        .describe('Fields to add behind those there are.'),
      remove: listOf(editedField(), { max: 100 }).prefault([]).describe('Fields to take away.')
    },
    {
      example: '{ set: { X-A: b } }',
      unknown: (key) => (/^[\w-]+$/.test(key) ? `; to write a field: { set: { ${key}: … } }` : undefined)
    }
  )
    .prefault({})
    .describe(`Edits of the ${side}; \`remove\` comes first, then \`set\`, then \`add\`.`)
}

export const headersSchema = mapping(
  { request: edits('request'), response: edits('response') },
  {
    example: '{ request: { set: { X-A: b } } }',
    elsewhere: Object.fromEntries(
      ['set', 'add', 'remove'].map((key) => [
        key,
        `belongs under \`request\` or \`response\`: { request: { ${key}: … } }`
      ])
    )
  }
)

const limitTexts = {
  headBytes: 'Request line and fields together; over it: 431.',
  headerCount: 'Number of fields; over it: 431.',
  urlBytes: 'Length of the request target; over it: 414.'
}
const headBytes = () => size({ min: 256, max: 1024 ** 2, example: '16kb' })
const headerCount = () => integer(1, 10_000)
const urlBytes = () => size({ min: 16, max: 1024 ** 2, example: '8kb' })

const requestLimits = {
  bodyBytes: size({ example: '10mb' })
    .optional()
    .describe('Length of the body; over it: 413. Left out: no limit.'),
  methods: listOf(method(), { min: 1, max: 50 })
    .optional()
    .describe('Methods that are let through; others: 405. Left out: any.'),
  contentTypes: listOf(text('a media type such as application/json', { max: 128 }), { min: 1, max: 100 })
    .optional()
    .describe('Media types of request bodies; others: 415. Left out: any.')
}

export const listenerLimits = mapping({
  headBytes: headBytes().prefault(defaults.listener.limits.headBytes).describe(limitTexts.headBytes),
  headerCount: headerCount().prefault(defaults.listener.limits.headerCount).describe(limitTexts.headerCount),
  urlBytes: urlBytes().prefault(defaults.listener.limits.urlBytes).describe(limitTexts.urlBytes),
  ...requestLimits
})

const routeLimits = mapping({
  headBytes: headBytes().optional().describe(limitTexts.headBytes),
  headerCount: headerCount().optional().describe(limitTexts.headerCount),
  urlBytes: urlBytes().optional().describe(limitTexts.urlBytes),
  ...requestLimits
})

const rewrite = mapping(
  {
    stripPrefix: absolutePath().optional().describe('Taken off the beginning of the path, if it is there.'),
    addPrefix: absolutePath().optional().describe('Put in front of the path, last of the three.'),
    path: mapping({
      regex: regex().describe('Regular expression on the path.'),
      to: text('a replacement such as /v2/$1', {
        reject: (value) =>
          /[?#\s\\]/.test(value)
            ? 'a path has no "?", "#", spaces or backslashes; the query is kept as it is'
            : undefined
      }).describe('What takes the place of the first match; `$1` is its first group.')
    })
      .optional()
      .describe('A replacement by regular expression, after `stripPrefix`.')
  },
  {
    lone: (value) =>
      typeof value === 'string' && value.startsWith('/')
        ? `did you mean { path: { regex: "^/.*$", to: "${value}" } }, { addPrefix: "${value}" } or { stripPrefix: "${value}" }?`
        : undefined
  }
)

/** The router expands the placeholders; anything else in braces would be sent as it stands. */
function redirectTarget() {
  return text('a path or a URL such as "https://{host}{path}"', {
    max: 4096,
    reject(value) {
      const foreign = foreignTarget(value)
      if (foreign !== undefined) return foreign
      const unknown =
        /\{(?!(?:path|query|host|scheme|clientIp|requestId|identity|tls\.(?:version|serverName|subject)|cert\.(?:subject|issuer|serial|fingerprint))\})[^}]*\}?/.exec(
          value
        )
      if (unknown !== null)
        return `${unknown[0]} is no placeholder; there are {path}, {query}, {host} and those of header edits`
      if (!/^[\x21-\x7e]+$/.test(value))
        return 'a URL is printable ASCII without spaces; escape the rest as %20'
      if (/^(?:\/|https?:\/\/|\{path\}|\?)/.test(value)) return undefined
      return `"${value}" is neither a path nor a URL; did you mean "/${value}" or "https://${value}"?`
    }
  })
}

function redirectStatus() {
  const statuses = [301, 302, 303, 307, 308]
  return leaf<number>('one of 301, 302, 303, 307, 308', { enum: statuses }, (input) => {
    const status = numberOf(input)
    return status !== undefined && statuses.includes(status) ? status : new Refusal({})
  })
}

/** Of listeners and routes. */
export function encodedSlash() {
  return word(['agree', 'refuse', 'keep']).describe(
    'Paths with `%2f` or `%5c`: forward them as written if the route is the same with and without a slash there and answer 400 if it is not, always answer 400, or compare them as they are.'
  )
}

export const routeSchema = mapping(
  {
    name: name('a name such as api')
      .optional()
      .describe('Name in logs and metrics; left out: `listener/1` and so on.'),
    match: matchSchema.prefault({}).describe('All that is given must hold; `{}` is any request.'),
    pool: poolName().optional().describe('Forward to this pool.'),
    split: listOf(
      mapping(
        {
          pool: poolName().describe('A pool.'),
          weight: integer(0, 1_000_000).describe('Its share relative to the others.')
        },
        { unknown: (key) => `; each share is an item: [{ pool: ${key}, weight: 50 }, …]` }
      ),
      { min: 1, max: 100 }
    )
      .optional()
      .describe('Forward to several pools by weight.'),
    redirect: mapping(
      {
        to: redirectTarget().describe(
          'Where to: a path or a URL. `{path}`, `{query}` (with its "?") and `{host}` are those of the request; `{scheme}`, `{clientIp}`, `{requestId}`, `{identity}`, `{tls.…}` and `{cert.…}` as in header edits, escaped.'
        ),
        status: redirectStatus().prefault(defaults.redirect.status).describe('Status of the answer.')
      },
      {
        lone: (value) => {
          const [, status, to] = /^(30\d)\s+(\S+)$/.exec(typeof value === 'string' ? value : '') ?? []
          return status === undefined
            ? loneText('to')(value)
            : `did you mean { to: "${to}", status: ${status} }?`
        }
      }
    )
      .optional()
      .describe('Answer with a redirect.'),
    respond: mapping(
      {
        status: integer(200, 599).prefault(defaults.respond.status).describe('Status of the answer.'),
        body: text('the text of the body', { min: 0, max: 65_536, lines: true })
          .prefault(defaults.respond.body)
          .describe(
            'Its body, up to 64 KiB; with the placeholders of header edits, escaped for its Content-Type.'
          ),
        headers: z.record(editedField(), fieldValue()).prefault({}).describe('Its fields.')
      },
      { lone: firstOf(loneNumber('status'), loneText('body')) }
    )
      .optional()
      .describe('Answer without any backend.'),
    rewrite: rewrite.optional().describe('Change the path before it is sent on.'),
    headers: headersSchema.optional().describe("Edit fields; replaces the listener's."),
    cache: z
      .union([off(), cacheSchema])
      .optional()
      .describe("Keep responses; replaces the listener's, `false` turns it off."),
    retry: z
      .union([off(), routeRetry])
      .optional()
      .describe("Over the pool's, key by key; `false` turns it off."),
    timeouts: mapping({
      connect: duration({ example: '3s' }).optional().describe('For a connection to a backend.'),
      response: duration({ example: '10s' }).optional().describe('To the head of the response.'),
      idle: duration({ example: '60s' }).optional().describe('Without progress on a response.')
    })
      .prefault({})
      .describe("Over the pool's, key by key."),
    limits: routeLimits.prefault({}).describe("Over the listener's, key by key."),
    paths: mapping({ encodedSlash: encodedSlash().optional() })
      .prefault({})
      .describe("What servers read differently in paths, over the listener's."),
    mirror: mapping(
      {
        pool: poolName().describe('Where copies go.'),
        percent: mirrorPercent().prefault(100).describe('How many of a hundred requests are copied.'),
        max: integer(1, 100_000)
          .prefault(defaults.mirror.max)
          .describe('Copies under way at once, per worker; requests beyond are not copied.'),
        timeout: duration({ example: '10s' })
          .prefault(defaults.mirror.timeout)
          .describe('How long a copy may take in all; then it is given up.')
      },
      { lone: loneText('pool') }
    )
      .optional()
      .describe('Send a copy of requests to another pool; its answers are thrown away.'),
    ...routeStageKeys,
    plugins: routePlugins
  },
  {
    elsewhere: {
      stripPrefix: 'belongs under `rewrite`: { rewrite: { stripPrefix: … } }',
      addPrefix: 'belongs under `rewrite`: { rewrite: { addPrefix: … } }',
      ...Object.fromEntries(
        ['host', 'path', 'pathPrefix', 'pathRegex', 'methods', 'query', 'clientIp'].map((key) => [
          key,
          `belongs under \`match\`: { match: { ${key}: … } }`
        ])
      ),
      backend: 'is `pool`: the name of one of `pools`',
      backends: 'belong under a pool: name it with `pool` and define it under `pools`',
      return: 'is `respond: { status: …, body: … }` here',
      proxy_pass: 'is `pool`: the name of one of `pools`'
    }
  }
)

function mirrorPercent() {
  return leaf<number>('a number from 0 to 100', { type: 'number', minimum: 0, maximum: 100 }, (input) => {
    const value = numberOf(input)
    if (value !== undefined && value >= 0 && value <= 100) return value / 100
    return new Refusal(
      typeof input === 'string' && /^\d+%$/.test(input) ? { cure: `did you mean ${input.slice(0, -1)}?` } : {}
    )
  })
}

export type RouteInput = z.output<typeof routeSchema>
export type HeadersInput = z.output<typeof headersSchema>
