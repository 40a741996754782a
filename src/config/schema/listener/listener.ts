import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { foreignPathWords, foreignProtocols } from '../../report/foreign-words.ts'
import { accessLogSchema } from './access-log.ts'
import { cacheSchema } from './cache.ts'
import { connectionLogSchema } from './connection-log.ts'
import { leaf, type LeafIssue, listOf, mapping, Refusal } from '../leaf/leaf.ts'
import { decimal, duration, flag, integer, off, rate, size, text, word } from '../leaf/leaves.ts'
import { firstOf, loneNumber, loneText, loneTrue } from '../leaf/lone.ts'
import { name } from '../leaf/name.ts'
import { cidrs, hostPattern, listenerBind } from '../leaf/network-leaves.ts'
import { listenerPlugins } from '../plugin-keys.ts'
import { routeRetry } from '../retry.ts'
import { headersSchema } from './header-edits.ts'
import { listenerLimits } from './request-limits.ts'
import { encodedSlash, routeSchema } from './route.ts'
import { listenerStageKeys } from '../stage-schema.ts'
import { listenerTls } from './tls.ts'
import { unixAccess } from './unix-access.ts'

const { l4, l7 } = defaults.listener

function poolName() {
  return text('the name of a pool', { max: 64, json: { title: 'pool' } })
}

const peersNamed = 'name the peers that send it: { trusted: [10.0.0.0/8] }'

const common = {
  name: name('a name such as web')
    .optional()
    .describe('Name in logs and metrics; left out: made of mode and port, `l7-8080`.'),
  bind: listOf(listenerBind(), { min: 1, max: 100 }).describe(
    'Where it listens: `host:port`, `:port` (every IPv4 address), `[::]:port` (every IPv6 address), `unix:/path`, `systemd:name` (a socket that systemd passes), or a list.'
  ),
  allow: cidrs().prefault([]).describe('Networks whose clients are let in; empty: all.'),
  deny: cidrs().prefault([]).describe('Networks whose clients are not let in; it comes before `allow`.'),
  maxConnections: integer(1, 10_000_000)
    .optional()
    .describe('Connections at once over all workers; left out: no limit.'),
  connectionLimit: mapping(
    {
      perClient: integer(1, 1_000_000).optional().describe('Connections at once per client address.'),
      rate: rate().optional().describe('New connections per client address.')
    },
    { lone: loneNumber('perClient') }
  )
    .optional()
    .describe('Limits per client.'),
  proxyProtocol: mapping(
    {
      trusted: cidrs().describe('Peers that must send a PROXY header; from others it is not read.')
    },
    {
      lone: firstOf(
        loneText('trusted', /[\d:]/),
        (value) => (value === 'on' ? peersNamed : undefined),
        loneTrue(peersNamed)
      )
    }
  )
    .optional()
    .describe('Read a PROXY v1 or v2 header.'),
  socket: unixAccess.optional().describe('Who may connect to its unix sockets.')
}

/** `[tcp, udp]` is two listeners. */
function transport() {
  const plain = word(['tcp', 'udp'])
  return leaf<'tcp' | 'udp'>('one of tcp, udp', { type: 'string', enum: ['tcp', 'udp'] }, (input) => {
    if (Array.isArray(input)) return new Refusal({ cure: 'for both write two listeners, one with each' })
    const read = plain.safeParse(input)
    if (read.success) return read.data
    const params = (read.error.issues[0] as unknown as { params: LeafIssue }).params
    return new Refusal(params.cure === undefined ? {} : { cure: params.cure })
  })
}

const l4Keys = {
  protocol: transport()
    .prefault(defaults.listener.protocol)
    .describe('`udp`: relay datagrams, in sessions by client address and port.'),
  udp: mapping({
    idle: duration({ example: '30s' })
      .prefault(defaults.listener.udp.idle)
      .describe('A session without a datagram in either direction ends.'),
    responses: integer(0, 1_000_000)
      .optional()
      .describe(
        'Answers to each datagram of a client (DNS: 1); when all have come the session ends. 0: none is awaited (syslog). Left out: it ends when idle.'
      ),
    maxSessions: integer(1, 10_000_000)
      .prefault(defaults.listener.udp.maxSessions)
      .describe('Sessions at once over all workers; each has a socket of its own.'),
    amplification: decimal(1, 10_000)
      .optional()
      .describe(
        'A client is sent at most this many bytes for each byte of its own, so that forged senders cannot use it against others; left out: no bound.'
      ),
    receiveBuffer: size({ example: '4mb' })
      .prefault(defaults.listener.udp.receiveBuffer)
      .describe('Of each socket; the system sets the most (net.core.rmem_max).')
  })
    .prefault({})
    .describe('With `protocol: udp`.'),
  pool: poolName()
    .optional()
    .describe('Where connections go that no `sni` entry claims; left out: they are refused.'),
  sni: listOf(
    mapping(
      {
        host: hostPattern().describe('A name, or `*.example.com`.'),
        pool: poolName().describe('Its pool.')
      },
      {
        unknown: (key) =>
          key.includes('.') ? `; each name is an item: [{ host: "${key}", pool: web }]` : undefined
      }
    ),
    { max: 10_000 }
  )
    .prefault([])
    .describe('Choose the pool by the name in the ClientHello; nothing is decrypted.'),
  timeouts: mapping({
    idle: duration({ example: '10m' }).prefault(l4.idle).describe('Without a byte in either direction.'),
    halfClose: duration({ example: '1m' })
      .prefault(l4.halfClose)
      .describe('Without a byte once one side has closed its half.'),
    handshake: duration({ example: '5s' })
      .prefault(l4.handshake)
      .describe('For the TLS handshake, the ClientHello and the PROXY header.')
  })
    .prefault({})
    .describe('Limits of time.'),
  tls: listenerTls.optional().describe('End TLS here; left out: bytes pass as they come.'),
  accessLog: connectionLogSchema
}

const l7Keys = {
  pool: poolName().optional().describe('Pool for requests that no route claims.'),
  routes: listOf(routeSchema, { max: 50_000 }).prefault([]).describe('Rules; the first that matches wins.'),
  trustedProxies: cidrs()
    .prefault([])
    .describe('Networks whose Forwarded and X-Forwarded-* are believed; from others they are overwritten.'),
  limits: listenerLimits.prefault({}).describe('Limits of requests.'),
  tls: listenerTls.optional().describe('Terminate TLS: HTTPS; left out: clear text.'),
  protocols: listOf(word(['h2', 'http/1.1'], foreignProtocols), { min: 1, max: 2 })
    .prefault([...defaults.listener.protocols])
    .describe(
      'Versions of HTTP that are spoken: by ALPN over TLS, best first; in clear text told apart by the first bytes.'
    ),
  http2: mapping(
    {
      maxStreams: integer(1, 10_000)
        .prefault(defaults.listener.http2.maxStreams)
        .describe('Requests at once on one connection; what is beyond is refused, and safe to repeat.'),
      idle: duration({ example: '75s' })
        .prefault(defaults.listener.http2.idle)
        .describe('From the end of the last request to the close.')
    },
    { lone: loneTrue('it is turned on by `protocols: [h2, http/1.1]`; these keys only bound it') }
  )
    .prefault({})
    .describe('Of connections that speak HTTP/2.'),
  redirectToHttps: z
    .union([
      flag(),
      mapping(
        { port: integer(1, 65_535).describe('Port that HTTPS is on, where it is not 443.') },
        { lone: firstOf((value) => (value === 443 ? 'write true' : undefined), loneNumber('port')) }
      )
    ])
    .prefault(defaults.listener.redirectToHttps)
    .describe(
      'In clear text: what no route claims is sent to HTTPS, by a 308; but for what a proxy of `trustedProxies` has had over HTTPS (X-Forwarded-Proto), which goes to `pool`.'
    ),
  timeouts: mapping({
    handshake: duration({ example: '10s' }).prefault(l7.handshake).describe('For the TLS handshake.'),
    requestHeaders: duration().prefault(l7.requestHeaders).describe('For the head of a request; then 408.'),
    idle: duration({ example: '60s' }).prefault(l7.idle).describe('Without progress on a body, either way.'),
    requestBody: duration({ example: '5m' })
      .optional()
      .describe('For the whole body of a request; then 408. Left out: as long as it goes on.'),
    minRate: z
      .union([
        off(),
        mapping(
          {
            bytes: size({ min: 1, example: '500b' })
              .prefault(l7.minRate.bytes)
              .describe('Bytes per second, on average over the window.'),
            window: duration({ example: '30s' })
              .prefault(l7.minRate.window)
              .describe('What is waited for, before a client is judged.')
          },
          {
            lone: (value) => {
              const bytes = /^\d+(?:[kmg]?b)?(?=(?:\/s)?$)/i.exec(String(value))?.[0].toLowerCase()
              if (value === true) return 'write {} for its defaults'
              return bytes === undefined
                ? undefined
                : `did you mean { bytes: "${bytes}${/b$/.test(bytes) ? '' : 'b'}" }?`
            }
          }
        )
      ])
      .prefault({})
      .describe(
        'A client that sends its body slower, or reads a response slower, is given up; while the backend is what is waited for, nothing is counted. Event streams, gRPC and tunnels are exempt. `false`: any rate.'
      ),
    keepAlive: duration({ example: '75s' }).prefault(l7.keepAlive).describe('From one request to the next.'),
    tunnel: duration({ example: '1h' })
      .prefault(l7.tunnel)
      .describe('Without a byte on a WebSocket or another upgrade.')
  })
    .prefault({})
    .describe('Limits of time.'),
  accessLog: accessLogSchema,
  headers: headersSchema.optional().describe('Edit fields on every route that has no `headers` of its own.'),
  cache: z
    .union([off(), cacheSchema])
    .optional()
    .describe('Keep responses on every route that has no `cache` of its own.'),
  retry: z
    .union([off(), routeRetry])
    .optional()
    .describe("Over the pools', on every route that has no `retry` of its own."),
  backendHeader: flag()
    .prefault(defaults.listener.backendHeader)
    .describe('Name the backend in `X-Backend-Server` of responses.'),
  via: z
    .union([flag(), word(['response'])])
    .prefault(defaults.listener.via)
    .describe(
      'Where `Via` tells of this hop: on both sides, in responses only, or nowhere. Servers such as nginx compress nothing for requests that carry it.'
    ),
  trace: flag().prefault(defaults.listener.trace).describe('Forward TRACE; otherwise it is answered 405.'),
  paths: mapping({
    encodedSlash: encodedSlash().prefault(defaults.listener.paths.encodedSlash),
    semicolons: word(['keep', 'refuse', 'strip'], foreignPathWords)
      .prefault(defaults.listener.paths.semicolons)
      .describe(
        'Paths with `;`: compare them as they are, answer 400, or compare them without what follows it in a segment, as servlet containers do.'
      ),
    mergeSlashes: flag()
      .prefault(defaults.listener.paths.mergeSlashes)
      .describe('Compare `//` as `/`. At the start of a path they are always one.')
  })
    .prefault({})
    .describe('What servers read differently in paths.'),
  ...listenerStageKeys,
  plugins: listenerPlugins
}

function onlyFor(keys: object, others: object, mode: string): Record<string, string> {
  const elsewhere = Object.keys(keys).filter((key) => !Object.hasOwn(others, key))
  return Object.fromEntries(elsewhere.map((key) => [key, `is a key of \`mode: ${mode}\` only`]))
}

export const l4Schema = mapping(
  { mode: z.literal('l4').describe('TCP: bytes are passed on.'), ...common, ...l4Keys },
  { elsewhere: onlyFor(l7Keys, l4Keys, 'l7') }
)

export const l7Schema = mapping(
  { mode: z.literal('l7').describe('HTTP: requests are routed.'), ...common, ...l7Keys },
  {
    elsewhere: {
      ...onlyFor(l4Keys, l7Keys, 'l4'),
      protocol:
        'is a key of `mode: l4` only: HTTP is what `mode: l7` speaks, HTTPS with `tls` beside it, HTTP/2 by `protocols`'
    }
  }
)

export const listenerSchema = z.discriminatedUnion('mode', [l4Schema, l7Schema], {
  error: ({ input }) => {
    const lone = typeof input === 'string' && /^[\w.*[\]:]*:\d+$/.test(input)
    const cure = lone ? '\ndid you mean { bind: "@", mode: l7, pool: web }?' : ''
    return `a mapping such as { bind: ":8080", mode: l7, pool: web }${cure}`
  }
})

export type L4Input = z.output<typeof l4Schema>
export type L7Input = z.output<typeof l7Schema>
export type ListenerInput = z.output<typeof listenerSchema>
