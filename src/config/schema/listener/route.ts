import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { editedField } from '../leaf/edited-field.ts'
import { headersSchema } from './header-edits.ts'
import { routeLimits } from './request-limits.ts'
import { cacheSchema } from './cache.ts'
import { matchSchema } from './match.ts'
import { foreignTarget } from '../../report/foreign-values.ts'
import { foreignPathWords } from '../../report/foreign-words.ts'
import { leaf, listOf, mapping, Refusal } from '../leaf/leaf.ts'
import { numberOf, textOf } from '../../environment/env-text.ts'
import { duration, integer, off, text, word } from '../leaf/leaves.ts'
import { firstOf, loneNumber, loneText } from '../leaf/lone.ts'
import { name } from '../leaf/name.ts'
import { absolutePath, fieldValue, regex } from '../leaf/network-leaves.ts'
import { routePlugins } from '../plugin-keys.ts'
import { routeRetry } from '../retry.ts'
import { routeStageKeys } from '../stage-schema.ts'

export function poolName() {
  return text('the name of a pool', { max: 64, json: { title: 'pool' } })
}

/** An expression in place of a prefix. */
function expressionMeant(value: string): string | undefined {
  return /^\^|[()|]|\[/.test(value)
    ? `an expression is \`path: { regex: ${JSON.stringify(value)}, to: / }\``
    : undefined
}

const rewrite = mapping(
  {
    stripPrefix: absolutePath(expressionMeant)
      .optional()
      .describe('Prefix to remove from the path, if it is there.'),
    addPrefix: absolutePath().optional().describe('Prefix to add to the path, after the other two.'),
    path: mapping(
      {
        regex: regex().describe('Regular expression on the path.'),
        to: text('a replacement such as /v2/$1', {
          reject: (value) =>
            /[?#\s\\]/.test(value)
              ? `a path has no "?", "#", spaces or backslashes; ${/\\\d/.test(value) ? 'the first group is $1 here' : 'the query is kept as it is'}`
              : undefined
        }).describe('Replacement of the first match; `$1` is its first group.')
      },
      {
        lone: (value) =>
          typeof value === 'string' && value.startsWith('/')
            ? 'did you mean { regex: "^.*$", to: "@" }?'
            : undefined
      }
    )
      .optional()
      .describe('Replacement by regular expression, after `stripPrefix`.')
  },
  {
    lone: (value) =>
      typeof value === 'string' && /^\S+\s+\//.test(value)
        ? ruleMeant(value)
        : typeof value === 'string' && value.startsWith('/')
          ? `did you mean { path: { regex: "^/.*$", to: "${value}" } }, { addPrefix: "${value}" } or { stripPrefix: "${value}" }?`
          : undefined
  }
)

/** `^/old/(.*)$ /new/$1 last`, as nginx has it. */
function ruleMeant(value: string): string {
  const [from, to, flag] = value.split(/\s+/)
  if (/^(?:permanent|redirect|30\d)$/.test(flag ?? ''))
    return `it is \`match: { pathRegex: "${from}" }\` and \`redirect: { to: "${to}", status: ${flag === 'permanent' ? 301 : 302} }\` of a route`
  return `did you mean { path: { regex: "${from}", to: "${to!.replace(/\?.*$/, '')}" } }?`
}

/** The router expands the placeholders; other text in braces would be sent unchanged. */
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
        return `${unknown[0]} is not a placeholder; there are {path}, {query}, {host} and those of header edits`
      if (!/^[\x21-\x7e]+$/.test(value))
        return 'a URL is printable ASCII without spaces; escape the rest as %20'
      if (/^(?:\/|https?:\/\/|\{path\}|\?)/.test(value)) return undefined
      return `"${value}" is neither a path nor a URL; did you mean "/${value}" or "https://${value}"?`
    }
  })
}

function redirectStatus() {
  const statuses = [301, 302, 303, 307, 308]
  return leaf<number, number>('one of 301, 302, 303, 307, 308', { enum: statuses }, (input) => {
    const status = numberOf(input)
    if (status !== undefined && statuses.includes(status)) return status
    const word = textOf(input)?.toLowerCase()
    if (status !== undefined && status >= 200 && status < 600 && !(status >= 300 && status < 400))
      return new Refusal({
        cure: `write 301 (for good) or 302 (for now); an answer with ${status} is \`respond: { status: ${status} }\``
      })
    if (word === 'permanent') return new Refusal({ cure: 'write 301, or 308, which keeps the method' })
    if (word === 'temporary' || word === 'redirect')
      return new Refusal({ cure: 'write 302, or 307, which keeps the method' })
    const written = word?.split(' ')[0]
    if (written === undefined || !statuses.map(String).includes(written)) return new Refusal({})
    return new Refusal({ cure: written === word ? 'write it without quotes' : `write ${written}` })
  })
}

/** For listeners and routes. */
export function encodedSlash() {
  return word(['agree', 'refuse', 'keep'], foreignPathWords).describe(
    'Paths with `%2f` or `%5c`: forward them unchanged if the route is the same with a slash there and answer 400 if not, always answer 400, or compare them unchanged.'
  )
}

export const routeSchema = mapping(
  {
    name: name('a name such as api')
      .optional()
      .describe('Name in logs and metrics; left out: `listener/1` and so on.'),
    match: matchSchema.prefault({}).describe('Conditions, of which all must hold; `{}` matches any request.'),
    pool: poolName().optional().describe('Forward to this pool.'),
    split: listOf(
      mapping(
        {
          pool: poolName().describe('A pool.'),
          weight: integer(0, 1_000_000).describe('Share relative to the others.')
        },
        {
          unknown: (key) =>
            /^(?:percent|percentage|share|ratio)$/i.test(key)
              ? '; here it is `weight: 10`, relative to the others'
              : `; each share is an item: [{ pool: ${key}, weight: 50 }, …]`,
          lone: (value) => {
            if (typeof value !== 'string') return undefined
            const [, pool = '"@"', weight = '50'] = /^([\w.-]+?)\s*[=:\s@*]\s*(\d+)%?$/.exec(value) ?? []
            return `did you mean { pool: ${pool}, weight: ${weight} }?`
          }
        }
      ),
      { min: 1, max: 100 }
    )
      .optional()
      .describe('Forward to several pools by weight.'),
    redirect: mapping(
      {
        to: redirectTarget().describe(
          'Target: a path or a URL. `{path}`, `{query}` (with its "?") and `{host}` are those of the request; `{scheme}`, `{clientIp}`, `{requestId}`, `{identity}`, `{tls.…}` and `{cert.…}` as in header edits, escaped.'
        ),
        status: redirectStatus().prefault(defaults.redirect.status).describe('Status of the answer.')
      },
      {
        unknown: (key) =>
          /^(?:regex|regexp|from|source|match|pattern|replacement|replace)$/i.test(key)
            ? '; the expression is `match: { pathRegex: "^/old/(.*)$" }` of the route, and its groups stand in `to: "/new/$1"`'
            : undefined,
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
        body: text('the text of the body', {
          min: 0,
          max: 65_536,
          lines: true,
          reject: (value) =>
            /^file:\S+$/.test(value)
              ? 'the body is sent as it stands here: write the text itself, over several lines behind "|"'
              : undefined
        })
          .prefault(defaults.respond.body)
          .describe(
            'Body, up to 64 KiB; with the placeholders of header edits, escaped for its Content-Type.'
          ),
        headers: z.record(editedField(), fieldValue()).prefault({}).describe('Fields of the answer.')
      },
      { lone: firstOf(loneNumber('status'), loneText('body')) }
    )
      .optional()
      .describe('Answer without a backend.'),
    rewrite: rewrite.optional().describe('Change the path for the backend.'),
    headers: headersSchema.optional().describe("Edits fields; replaces the listener's."),
    cache: z
      .union([off(), cacheSchema])
      .optional()
      .describe("Stores responses; replaces the listener's, `false` turns it off."),
    retry: z
      .union([off(), routeRetry])
      .optional()
      .describe("Overrides the pool's, key by key; `false` turns it off."),
    timeouts: mapping({
      connect: duration({ example: '3s' }).optional().describe('For a connection to a backend.'),
      response: duration({ example: '10s' }).optional().describe('To the head of the response.'),
      idle: duration({ example: '60s' }).optional().describe('Without progress on a response.')
    })
      .prefault({})
      .describe("Overrides the pool's, key by key."),
    limits: routeLimits.prefault({}).describe("Overrides the listener's, key by key."),
    paths: mapping({ encodedSlash: encodedSlash().optional() })
      .prefault({})
      .describe("How to treat paths that servers read differently; overrides the listener's."),
    mirror: mapping(
      {
        pool: poolName().describe('Pool for the copies.'),
        percent: mirrorPercent().prefault(100).describe('Percentage of requests to copy.'),
        max: integer(1, 100_000)
          .prefault(defaults.mirror.max)
          .describe('Most copies under way at once, per worker; further requests are not copied.'),
        timeout: duration({ example: '10s' })
          .prefault(defaults.mirror.timeout)
          .describe('How long a copy may take in all; then it is cancelled.')
      },
      { lone: firstOf(sharedBy, loneText('pool')) }
    )
      .optional()
      .describe('Sends a copy of requests to another pool and discards its answers.'),
    ...routeStageKeys,
    plugins: routePlugins
  },
  {
    lone: loneRoute,
    unknown: (key) =>
      key.startsWith('/')
        ? `; each route is an item of the list: - { match: { pathPrefix: ${key} }, pool: web }`
        : /^[\w*-]+(?:\.[\w-]+)+$/.test(key)
          ? `; each route is an item of the list: - { match: { host: "${key}" }, pool: web }`
          : undefined,
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
      allow:
        'is a key of a listener; for one route write `match: { clientIp: 10.0.0.0/8 }`, and behind it the same route without that, with `respond: { status: 403 }`',
      deny: 'is a key of a listener; for one route write `match: { clientIp: 10.0.0.0/8 }` and `respond: { status: 403 }` before it',
      proxy_pass: 'is `pool`: the name of one of `pools`'
    }
  }
)

/** `web:10%`, `web 10`: a pool and its percentage. */
function sharedBy(value: unknown): string | undefined {
  const [, pool, percent] =
    /^([\w.-]+)[\s:=@,]+(\d{1,3})%?$/.exec(typeof value === 'string' ? value : '') ?? []
  return pool === undefined ? undefined : `did you mean { pool: ${pool}, percent: ${percent} }?`
}

/** `/api -> web`, `example.com web`: a path or host and its pool. */
function loneRoute(value: unknown): string | undefined {
  const [, from, to] =
    /^(\S+)\s*(?:->|=>|=|:|\s)\s*([\w.-]+)$/.exec(typeof value === 'string' ? value : '') ?? []
  if (from === undefined) return undefined
  return `did you mean { match: { ${from.startsWith('/') ? 'pathPrefix' : 'host'}: ${from} }, pool: ${to} }?`
}

function mirrorPercent() {
  return leaf<number, number>(
    'a number from 0 to 100',
    { type: 'number', minimum: 0, maximum: 100 },
    (input) => {
      const value = numberOf(input)
      if (value !== undefined && value >= 0 && value <= 100) return value / 100
      return new Refusal(
        typeof input === 'string' && /^\d+%$/.test(input)
          ? { cure: `did you mean ${input.slice(0, -1)}?` }
          : {}
      )
    }
  )
}

export type RouteInput = z.output<typeof routeSchema>
