import { requestLine } from '../../report/foreign-values.ts'
import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { leaf, listOf, mapping as mappingOf, Refusal } from '../leaf/leaf.ts'
import { duration, flag, integer, percent, text, word } from '../leaf/leaves.ts'
import { firstOf, loneNumber, loneText, loneTrue } from '../leaf/lone.ts'
import { fieldName, fieldValue, method } from '../leaf/network-leaves.ts'
import { textOf } from '../../environment/env-text.ts'

const { probe } = defaults

function statusRange() {
  const json = { title: 'status or range', type: ['string', 'integer'], examples: ['200-399', 204] }
  return leaf<{ from: number; to: number }, string | number>(
    'a status such as 200 or a range such as "200-399"',
    json,
    (input) => {
      const written = typeof input === 'number' ? String(input) : textOf(input)
      const match = /^([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?$/.exec(written ?? '')
      const group = /^([1-5])(?:xx|\*\*?|\.\.)$/i.exec(written ?? '')?.[1]
      if (group !== undefined) return new Refusal({ cure: `write "${group}00-${group}99"` })
      const below = /^<=?\s*([1-5]\d\d)$/.exec(written ?? '')?.[1]
      if (below !== undefined)
        return new Refusal({ cure: `write "200-${Number(below) - (written!.includes('=') ? 0 : 1)}"` })
      if (/^[\d-]+(?:[\s,]+[\d-]+)+$/.test(written ?? ''))
        return new Refusal({ cure: `each is an item of a list: [${written!.split(/[\s,]+/).join(', ')}]` })
      if (match === null) return new Refusal({ cure: 'statuses go from 100 to 599' })
      const from = Number(match[1])
      const to = Number(match[2] ?? match[1])
      return from <= to ? { from, to } : new Refusal({ cure: `did you mean "${to}-${from}"?` })
    }
  )
}

/** A mapping of probe keys that explains keys of other types. */
function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  return mappingOf(shape, { unknown: keyOfOthers })
}

function keyOfOthers(key: string): string | undefined {
  const types = probes.filter(({ shape }) => Object.hasOwn(shape, key)).map(({ shape }) => shape.type.value)
  if (types.length === 0) return undefined
  return `; it is a key of ${types.map((type) => `\`type: ${type}\``).join(' and ')}`
}

const schedule = {
  interval: duration({ min: 10, example: '5s' })
    .prefault(probe.interval)
    .describe('Time from one probe to the next.'),
  timeout: duration({ example: '2s' })
    .prefault(probe.timeout)
    .describe('Time for a complete answer; then the probe has failed.'),
  downInterval: duration({ min: 10, example: '1s' })
    .prefault(probe.downInterval)
    .describe('Interval while the backend is down.'),
  jitter: percent({ example: '10%' })
    .prefault(probe.jitter)
    .describe('Share of the interval by which each probe is shifted at random.'),
  rise: integer(1, 100).prefault(probe.rise).describe('Successes in a row after which a backend is up.'),
  fall: integer(1, 100).prefault(probe.fall).describe('Failures in a row after which a backend is down.'),
  port: integer(1, 65535).optional().describe("Probe this port instead of the backend's."),
  proxyProtocol: word(['inherit', 'none'])
    .optional()
    .describe(
      "Whether a probe begins with a PROXY header as the pool's connections do (v2: LOCAL; v1: with the addresses of its own connection); left out: `inherit`, or `none` where `port` is given."
    )
}

const verify = flag()
  .prefault(probe.verify)
  .describe("Check the certificate too; false: only the server's answer counts.")

const tcp = mapping({
  type: z.literal('tcp').describe('Open a connection.'),
  ...schedule,
  send: text('the text to send', { max: 4096, lines: true })
    .optional()
    .describe('Text to send once connected; `\\r`, `\\n`, `\\t`, `\\0`, `\\\\` and `\\xHH` are resolved.'),
  expect: text('the text to wait for', { max: 4096, lines: true })
    .optional()
    .describe('Text that the answer must contain, with the same escapes.')
})

const tls = mapping({
  type: z.literal('tls').describe('Open a connection and complete a TLS handshake.'),
  ...schedule,
  host: text('a host name such as db.internal').optional().describe('Name to send (SNI).'),
  verify
})

const http = {
  ...schedule,
  path: text('a path such as /healthz', {
    reject: (value) =>
      /^https?:\/\//.test(value)
        ? `the address is the backend's; write the path alone: "${value.replace(/^https?:\/\/[^/]*/, '') || '/'}"`
        : !value.startsWith('/')
          ? (requestLine(value, 'method: @') ?? `a path begins with a slash: did you mean "/${value}"?`)
          : /[\s#]/.test(value)
            ? 'a path has no spaces and no "#"'
            : undefined
  })
    .prefault(probe.path)
    .describe('Path and query of the request.'),
  host: text('a host name such as site.internal').optional().describe('Host field; left out: the address.'),
  method: method().prefault(probe.method).describe('Method of the request.'),
  headers: z.record(fieldName(), fieldValue()).prefault({}).describe('Further fields to send.'),
  expect: mappingOf(
    {
      status: listOf(statusRange(), { min: 1, max: 50 })
        .prefault(probe.status)
        .describe('Statuses that count as success: a status, a range or a list of them.'),
      body: text('the text to look for', { max: 4096 })
        .optional()
        .describe('Text that the body must contain, in its first 64 KiB.')
    },
    { lone: firstOf(loneNumber('status'), loneText('status', /^[1-5]/), loneText('body')) }
  )
    .prefault({})
    .describe('Conditions for a healthy answer.')
}

const grpc = mapping({
  type: z.literal('grpc').describe('Call grpc.health.v1.Health/Check.'),
  ...schedule,
  service: text('the name of a service such as api.Health', { min: 0, max: 256 })
    .prefault(probe.service)
    .describe('Service to ask about; empty: the server as a whole.'),
  host: text('a host name such as api.internal').optional().describe('The :authority to send.'),
  verify
})

const user = text('a name such as lb', {
  max: 64,
  reject: (value) => (/^[\w.@-]+$/.test(value) ? undefined : `"${value}" is not a user name`)
})
  .prefault(probe.user)
  .describe(
    'User name for the login, without a password. A refused login counts as success too; the server may log it.'
  )

const mysql = mapping({
  type: z
    .literal('mysql')
    .describe('Log in to MySQL or MariaDB, which does not count as an aborted connection.'),
  ...schedule,
  user
})

const postgres = mapping({
  type: z.literal('postgres').describe('Begin a session with PostgreSQL, as pg_isready does.'),
  ...schedule,
  user
})

const redis = mapping({
  type: z.literal('redis').describe('PING Redis or Valkey; over TLS where the pool has `tls`.'),
  ...schedule
})

const smtp = mapping({
  type: z
    .literal('smtp')
    .describe('Read the greeting, send EHLO and QUIT; over TLS where the pool has `tls`.'),
  ...schedule,
  host: text('a host name such as lb.internal')
    .optional()
    .describe('Name to send in EHLO; left out: localhost.')
})

const udp = mapping({
  type: z.literal('udp').describe('Send a datagram and wait for one.'),
  ...schedule,
  send: text('the bytes to send', { max: 1024, lines: true })
    .optional()
    .describe('What to send; left out: an empty datagram. `\\xHH` gives any byte.'),
  expect: text('the text to wait for', { max: 1024, lines: true })
    .optional()
    .describe('Text that the answer must contain, with the same escapes; left out: any answer.')
})

const probes = [
  tcp,
  tls,
  mapping({ type: z.literal('http').describe('Request a path over HTTP/1.1.'), ...http }),
  mapping({ type: z.literal('https').describe('Request a path over HTTP/1.1 and TLS.'), ...http, verify }),
  grpc,
  mysql,
  postgres,
  redis,
  smtp,
  udp
] as const

export const probeSchema = z.discriminatedUnion('type', probes, {
  error(issue) {
    const cure = loneProbe(issue.input)
    return `a mapping such as { type: http, path: /healthz }${cure === undefined ? '' : `\n${cure}`}`
  }
})

export const probeTypes = [
  'tcp',
  'tls',
  'http',
  'https',
  'grpc',
  'mysql',
  'postgres',
  'redis',
  'smtp',
  'udp'
] as const

const loneProbe = firstOf(
  loneTrue('did you mean { type: tcp }?'),
  loneText('type: http, path', /^\//),
  (value) => {
    const url = typeof value === 'string' ? /^(https?):\/\/[^/]*(\/.*)?$/.exec(value) : null
    return url === null ? undefined : `did you mean { type: ${url[1]}, path: "${url[2] ?? '/'}" }?`
  },
  (value) => (probeTypes.some((type) => type === value) ? 'did you mean { type: @ }?' : undefined)
)

export type ProbeInput = z.output<typeof probeSchema>
