import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import { textOf } from '../../environment/env-text.ts'
import { foreignPathWords, foreignProtocols } from '../../report/foreign-words.ts'
import { accessLogSchema } from './access-log.ts'
import { cacheSchema } from './cache.ts'
import { connectionLogSchema } from './connection-log.ts'
import { leaf, type LeafIssue, listOf, mapping, Refusal } from '../leaf/leaf.ts'
import { decimal, duration, flag, integer, off, rate, size, word } from '../leaf/leaves.ts'
import { firstOf, loneNumber, loneText, loneTrue } from '../leaf/lone.ts'
import { name } from '../leaf/name.ts'
import { cidrs, hostPattern, listenerBind } from '../leaf/network-leaves.ts'
import { listenerPlugins } from '../plugin-keys.ts'
import { routeRetry } from '../retry.ts'
import { headersSchema } from './header-edits.ts'
import { listenerLimits } from './request-limits.ts'
import { redirectToHttps } from './redirect-to-https.ts'
import { encodedSlash, poolName, routeSchema } from './route.ts'
import { listenerStageKeys } from '../stage-schema.ts'
import { listenerTls } from './tls.ts'
import { unixAccess } from './unix-access.ts'

const { l4, l7 } = defaults.listener

const peersNamed = 'name the peers that send it: { trusted: [10.0.0.0/8] }'

const common = {
  name: name('a name such as web')
    .optional()
    .describe('Name in logs and metrics; left out: mode and port, `l7-8080`.'),
  bind: listOf(listenerBind(), { min: 1, max: 100 }).describe(
    'Address to listen on: `host:port`, `:port` (every IPv4 address), `[::]:port` (every IPv6 address), `unix:/path`, `systemd:name` (a socket that systemd passes), or a list.'
  ),
  allow: cidrs().prefault([]).describe('Networks whose clients are accepted; empty: all.'),
  deny: cidrs().prefault([]).describe('Networks whose clients are refused; it is checked before `allow`.'),
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
      trusted: cidrs().describe('Peers that must send a PROXY header; those of others are not read.')
    },
    {
      lone: firstOf(
        (value) => (/^(?:on|yes|true|v[12]|[12])$/i.test(String(value)) ? peersNamed : undefined),
        loneText('trusted', /[\d:]/),
        loneTrue(peersNamed)
      )
    }
  )
    .optional()
    .describe('Read a PROXY v1 or v2 header.'),
  socket: unixAccess.optional().describe('Who may connect to its unix sockets.')
}

/** `[tcp, udp]` needs two listeners. */
function transport() {
  const plain = word(['tcp', 'udp'])
  return leaf<'tcp' | 'udp', 'tcp' | 'udp'>(
    'one of tcp, udp',
    { type: 'string', enum: ['tcp', 'udp'] },
    (input) => {
      if (Array.isArray(input) || /^(?:tcp\W+udp|udp\W+tcp)$/i.test(textOf(input) ?? ''))
        return new Refusal({ cure: 'for both write two listeners, one with each' })
      if (/^(?:https?|http\/?[12](?:\.\d)?|h2c?|grpc|wss?)$/i.test(textOf(input) ?? ''))
        return new Refusal({ cure: 'HTTP is `mode: l7`; take it out' })
      const read = plain.safeParse(input)
      if (read.success) return read.data
      const params = (read.error.issues[0] as unknown as { params: LeafIssue }).params
      return new Refusal(params.cure === undefined ? {} : { cure: params.cure })
    }
  )
}

const l4Keys = {
  protocol: transport()
    .prefault(defaults.listener.protocol)
    .describe('`udp`: relay datagrams, in sessions by client address and port.'),
  udp: mapping({
    idle: duration({ example: '30s' })
      .prefault(defaults.listener.udp.idle)
      .describe('A session without a datagram in either direction for this long ends.'),
    responses: integer(0, 1_000_000)
      .optional()
      .describe(
        'Answers to each datagram of a client (DNS: 1); when all have come the session ends. 0: no answers (syslog). Left out: it ends when idle.'
      ),
    maxSessions: integer(1, 10_000_000)
      .prefault(defaults.listener.udp.maxSessions)
      .describe('Sessions at once over all workers; each has a socket of its own.'),
    amplification: decimal(1, 10_000)
      .optional()
      .describe(
        'Most bytes sent to a client for each byte from it, so that lb cannot amplify attacks with forged senders; left out: no bound.'
      ),
    receiveBuffer: size({ example: '4mb' })
      .prefault(defaults.listener.udp.receiveBuffer)
      .describe('SO_RCVBUF of each socket; the system has a maximum (net.core.rmem_max).')
  })
    .prefault({})
    .describe('With `protocol: udp`.'),
  pool: poolName()
    .optional()
    .describe('Pool for connections that match no `sni` entry; left out: they are refused.'),
  sni: listOf(
    mapping(
      {
        host: hostPattern('write its pool as the `pool` of the listener instead').describe(
          'A name, or `*.example.com`.'
        ),
        pool: poolName().describe('Pool for this name.')
      },
      {
        unknown: (key) =>
          key.includes('.') ? `; each name is an item: [{ host: "${key}", pool: web }]` : undefined
      }
    ),
    { max: 10_000 }
  )
    .prefault([])
    .describe('Choose the pool by the name in the ClientHello, without decrypting.'),
  timeouts: mapping({
    idle: duration({ example: '10m' }).prefault(l4.idle).describe('Without a byte in either direction.'),
    halfClose: duration({ example: '1m' })
      .prefault(l4.halfClose)
      .describe('Longest time without a byte after one side has sent FIN.'),
    handshake: duration({ example: '5s' })
      .prefault(l4.handshake)
      .describe('Time for the TLS handshake, the ClientHello and the PROXY header.')
  })
    .prefault({})
    .describe('Timeouts.'),
  tls: listenerTls.optional().describe('Terminate TLS here; left out: bytes are passed on unchanged.'),
  accessLog: connectionLogSchema
}

const l7Keys = {
  pool: poolName().optional().describe('Pool for requests that match no route.'),
  routes: listOf(routeSchema, { max: 50_000 }).prefault([]).describe('Rules; the first that matches wins.'),
  trustedProxies: cidrs()
    .prefault([])
    .describe('Networks whose Forwarded and X-Forwarded-* are trusted; those of others are overwritten.'),
  limits: listenerLimits.prefault({}).describe('Limits of requests.'),
  tls: listenerTls.optional().describe('Terminate TLS: HTTPS; left out: clear text.'),
  protocols: listOf(word(['h2', 'http/1.1'], foreignProtocols), { min: 1, max: 8 })
    .prefault([...defaults.listener.protocols])
    .describe(
      'Versions of HTTP: chosen by ALPN over TLS, best first; in clear text recognised by the first bytes.'
    ),
  http2: mapping(
    {
      maxStreams: integer(1, 10_000)
        .prefault(defaults.listener.http2.maxStreams)
        .describe('Concurrent requests on one connection; more are refused, and safe to repeat.'),
      idle: duration({ example: '75s' })
        .prefault(defaults.listener.http2.idle)
        .describe('Time from the end of the last request to the close.')
    },
    { lone: loneTrue('it is turned on by `protocols: [h2, http/1.1]`; these keys only bound it') }
  )
    .prefault({})
    .describe('Settings for HTTP/2 connections.'),
  redirectToHttps: redirectToHttps(),
  timeouts: mapping({
    handshake: duration({ example: '10s' }).prefault(l7.handshake).describe('For the TLS handshake.'),
    requestHeaders: duration()
      .prefault(l7.requestHeaders)
      .describe('Time for the head of a request; then 408.'),
    idle: duration({ example: '60s' }).prefault(l7.idle).describe('Without progress on a body, either way.'),
    requestBody: duration({ example: '5m' })
      .optional()
      .describe('Time for the whole body of a request; then 408. Left out: no limit.'),
    minRate: z
      .union([
        off(),
        mapping(
          {
            bytes: size({ min: 1, example: '500b' })
              .prefault(l7.minRate.bytes)
              .describe('Lowest bytes per second, on average over the window.'),
            window: duration({ example: '30s' })
              .prefault(l7.minRate.window)
              .describe('Time over which the rate is measured.')
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
        'Closes a client that sends its body or reads a response more slowly; time spent waiting for the backend does not count. Event streams, gRPC and tunnels are exempt. `false`: any rate.'
      ),
    keepAlive: duration({ example: '75s' }).prefault(l7.keepAlive).describe('From one request to the next.'),
    tunnel: duration({ example: '1h' })
      .prefault(l7.tunnel)
      .describe('Longest time without a byte on a WebSocket or another upgrade.')
  })
    .prefault({})
    .describe('Timeouts.'),
  accessLog: accessLogSchema,
  headers: headersSchema.optional().describe('Edits fields on every route that has no `headers` of its own.'),
  cache: z
    .union([off(), cacheSchema])
    .optional()
    .describe('Stores responses on every route that has no `cache` of its own.'),
  retry: z
    .union([off(), routeRetry])
    .optional()
    .describe("Overrides the pools' `retry` on every route that has none of its own."),
  backendHeader: flag()
    .prefault(defaults.listener.backendHeader)
    .describe('Name the backend in `X-Backend-Server` of responses.'),
  via: z
    .union([flag(), word(['response'])])
    .prefault(defaults.listener.via)
    .describe(
      'Where to add `Via`: in requests and responses, in responses only, or nowhere. Servers such as nginx do not compress responses to requests that have it.'
    ),
  trace: flag().prefault(defaults.listener.trace).describe('Forward TRACE; otherwise the answer is 405.'),
  paths: mapping({
    encodedSlash: encodedSlash().prefault(defaults.listener.paths.encodedSlash),
    semicolons: word(['agree', 'keep', 'refuse', 'strip'], foreignPathWords)
      .prefault(defaults.listener.paths.semicolons)
      .describe(
        'Paths with `;`: forward them if the route is the same without the text after it in a segment, as servlet containers read them, and answer 400 if not; compare them unchanged; always answer 400; or compare them without that text.'
      ),
    mergeSlashes: flag()
      .prefault(defaults.listener.paths.mergeSlashes)
      .describe('Compare `//` as `/`. At the start of a path they are always merged.')
  })
    .prefault({})
    .describe('How to treat paths that servers read differently.'),
  ...listenerStageKeys,
  plugins: listenerPlugins
}

function onlyFor(keys: object, others: object, mode: string): Record<string, string> {
  const elsewhere = Object.keys(keys).filter((key) => !Object.hasOwn(others, key))
  return Object.fromEntries(elsewhere.map((key) => [key, `is a key of \`mode: ${mode}\` only`]))
}

export const l4Schema = mapping(
  { mode: z.literal('l4').describe('TCP and UDP: bytes are relayed.'), ...common, ...l4Keys },
  { elsewhere: onlyFor(l7Keys, l4Keys, 'l7') }
)

export const l7Schema = mapping(
  { mode: z.literal('l7').describe('HTTP: requests are routed.'), ...common, ...l7Keys },
  {
    elsewhere: {
      ...onlyFor(l4Keys, l7Keys, 'l4'),
      sni: 'is a key of `mode: l4` only: here a route chooses by the name, with `match: { host: example.com }`',
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
