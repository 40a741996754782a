import { isToken } from '../../../core/latin1.ts'
import { z } from 'zod'
import { defaults } from '../../defaults.ts'
import {
  algorithmByPart,
  foreignAlgorithms,
  foreignEnds,
  foreignReturns,
  foreignPoolProtocols,
  foreignProxyProtocols
} from '../../report/foreign-words.ts'
import { nearest } from '../../report/nearest.ts'
import { listOf, mapping } from '../leaf/leaf.ts'
import { decimal, duration, flag, integer, lifetime, percent, text, word } from '../leaf/leaves.ts'
import { backendSchema } from './backend.ts'
import { discoverSchema } from './discover.ts'
import { firstOf, loneNumber, loneText, loneTrue } from '../leaf/lone.ts'
import { localAddress } from '../leaf/local-address.ts'
import { hashKey } from '../leaf/network-leaves.ts'
import { probeSchema } from './probe.ts'
import { poolRetry } from '../retry.ts'
import { off } from '../leaf/leaves.ts'
import { backendTls } from '../listener/tls.ts'

export const algorithmNames = [
  'round-robin',
  'weighted-round-robin',
  'least-connections',
  'random',
  'random-two',
  'least-time',
  'hash',
  'maglev',
  'first'
] as const

const timeouts = mapping({
  connect: duration({ example: '3s' })
    .prefault(defaults.pool.connect)
    .describe('Time for a connection to a backend, TLS included.'),
  response: duration({ example: '30s' })
    .prefault(defaults.pool.response)
    .describe('Time from the end of the request to the head of the response (L7).'),
  idle: duration({ example: '60s' })
    .prefault(defaults.pool.idle)
    .describe('Longest time without progress of a response (L7).'),
  keepAlive: duration({ example: '55s' })
    .prefault(defaults.pool.keepAlive)
    .describe(
      "How long an idle connection is kept; a second less than the server's hint if it gives one (L7)."
    )
})

/** HAProxy's `cookie SRV insert indirect`, nginx's `srv expires=1h`: the name comes first. */
function cookieCure(value: string): string {
  const first = value.split(/[\s;=,]/)[0]!
  return first !== value && isToken(first) ? `; write the name alone: "${first}"` : ''
}

const sticky = mapping(
  {
    cookie: text('the name of a cookie such as lb_backend', {
      max: 128,
      reject: (value) => (isToken(value) ? undefined : `"${value}" is not a cookie name${cookieCure(value)}`)
    }).describe('Name of the cookie that keeps a client on its backend.'),
    ttl: lifetime({ example: '1h' })
      .optional()
      .describe('Lifetime of the cookie; left out: until the browser closes.'),
    secure: z
      .union([flag(), word(['auto'])])
      .prefault(defaults.sticky.secure)
      .describe('Secure attribute; `auto`: if the client uses TLS.'),
    sameSite: word(['lax', 'strict', 'none'])
      .prefault(defaults.sticky.sameSite)
      .describe('SameSite attribute; `none` needs `secure: true`.')
  },
  { lone: firstOf(loneText('cookie'), loneTrue('did you mean { cookie: lb_backend }?')) }
)

export const poolSchema = mapping(
  {
    algorithm: word(algorithmNames, foreignAlgorithms, (given) =>
      nearest(given, algorithmNames) === undefined ? algorithmByPart(given) : undefined
    )
      .optional()
      .describe(
        'How a backend is picked; left out: `round-robin`, or `weighted-round-robin` when weights are given.'
      ),
    hash: mapping(
      {
        key: hashKey()
          .prefault(defaults.hash.key)
          .describe('What to hash: `client-ip`, `path`, `header:N`, `cookie:N` or `query:N`.'),
        boundedLoad: decimal(1, 10)
          .optional()
          .describe(
            '(`hash`) A backend gets at most this multiple of the mean load, the next on the ring gets the rest; left out: no bound.'
          )
      },
      { lone: loneText('key') }
    )
      .optional()
      .describe('For the algorithms `hash` and `maglev`.'),
    backends: listOf(backendSchema, { min: 1, max: 50_000 })
      .optional()
      .describe('The servers: addresses, or mappings with more settings. Required without `discover`.'),
    discover: discoverSchema
      .optional()
      .describe(
        'Learns backends while it runs, besides those of `backends`: by DNS, file, HTTP, Docker, Kubernetes or Consul.'
      ),
    protocol: word(['http1', 'h2', 'h2c'], foreignPoolProtocols)
      .prefault(defaults.protocol)
      .describe('Protocol of the backends (L7): HTTP/1.1, HTTP/2 over TLS, or HTTP/2 in clear text.'),
    health: probeSchema.optional().describe('Active probes; left out: passive health checks only.'),
    breaker: z
      .union([
        off(),
        mapping(
          {
            failures: integer(1, 1000)
              .prefault(defaults.breaker.failures)
              .describe('Failures in a row that open it.'),
            open: duration()
              .prefault(defaults.breaker.open)
              .describe('Time until one trial request is allowed.'),
            maxOpen: duration({ example: '60s' })
              .optional()
              .describe(
                'The open time doubles with each failed trial up to this (60s, or `open` if that is longer).'
              ),
            statuses: listOf(integer(400, 599), { max: 50 })
              .prefault([...defaults.breaker.statuses])
              .describe(
                'Response statuses that count as failures too (L7). They open it only while other backends of the pool answer well, and for at most half of them.'
              )
          },
          {
            lone: firstOf(
              loneTrue('it is on where the key is left out; {} turns it on for a lone backend too'),
              (value) =>
                typeof value === 'string' && /[()<>]/.test(value)
                  ? 'there are no expressions: { failures: 5, open: 10s }, or `outlier: { errorShare: 30% }` beside it for rates'
                  : undefined
            )
          }
        )
      ])
      .optional()
      .describe(
        'Takes a backend out after consecutive failures of real traffic; `false` turns it off. Left out: on, except in a pool of one backend, where it would only turn some errors into others.'
      ),
    outlier: mapping(
      {
        interval: duration()
          .prefault(defaults.outlier.interval)
          .describe('How often error rates are compared.'),
        minRequests: integer(1, 1_000_000)
          .prefault(defaults.outlier.minRequests)
          .describe('Backends with fewer requests in the interval are not compared.'),
        errorShare: percent()
          .prefault(defaults.outlier.errorShare)
          .describe("Eject a backend whose error rate exceeds the pool's by this much."),
        eject: duration({ example: '30s' })
          .prefault(defaults.outlier.eject)
          .describe('How long it stays out.'),
        maxEjected: percent()
          .prefault(defaults.outlier.maxEjected)
          .describe('Largest share of the pool to eject; one backend always stays.')
      },
      { lone: loneTrue('write {} for its defaults') }
    )
      .optional()
      .describe('Ejects backends with an unusual error rate; left out: off.'),
    retry: z
      .union([off(), poolRetry])
      .prefault({})
      .describe('Retries; `false` turns them off. On L4 only `attempts` counts.'),
    queue: mapping(
      {
        max: integer(0, 100_000)
          .prefault(defaults.queue.max)
          .describe('Most requests or connections that may wait; 0: none.'),
        timeout: duration({ example: '1s' })
          .prefault(defaults.queue.timeout)
          .describe('Longest wait; then 503.'),
        whileDown: duration({ example: '10s' })
          .optional()
          .describe(
            'Longest wait while no backend can serve, or all refuse the connection, so that a restart of the service causes a delay and no error. Left out: the answer is 502 or 503 at once.'
          )
      },
      { lone: loneNumber('max') }
    )
      .prefault({})
      .describe('Queue for a free slot when every backend is at its `maxConnections`.'),
    sticky: sticky.optional().describe('Keeps a client on its backend by a cookie (L7); left out: off.'),
    slowStart: duration({ min: 0, example: '30s' })
      .prefault(defaults.slowStart)
      .describe(
        'Time over which the share of a new or recovered backend grows to its full size; 0s: at once.'
      ),
    panicThreshold: percent({ example: '30%' })
      .prefault(defaults.panicThreshold)
      .describe('Share of healthy backends below which health is ignored; 0%: never.'),
    connections: mapping(
      {
        maxIdle: integer(0, 100_000)
          .prefault(defaults.connections.maxIdle)
          .describe('Most idle connections to keep, per backend and worker.'),
        pipelining: integer(1, 64)
          .prefault(defaults.connections.pipelining)
          .describe(
            'Requests to pipeline on one connection; only safe methods (GET, HEAD …) without a body. For backends that answer each request exactly once.'
          ),
        maxAge: duration({ min: 1000, example: '10m' })
          .optional()
          .describe(
            'Age after which a connection is not used again; up to a tenth less, so that connections do not end together.'
          ),
        maxRequests: integer(1, 1_000_000_000)
          .optional()
          .describe('Number of requests after which a connection is not used again; up to a tenth fewer.')
      },
      { lone: loneNumber('maxIdle') }
    )
      .prefault({})
      .describe('Connections to the backends (L7).'),
    timeouts: timeouts.prefault({}).describe('Timeouts towards the backends.'),
    source: localAddress()
      .optional()
      .describe(
        'Address of this machine that connections to the backends, datagrams and probes go out from; left out: as the system routes. Of a name, the addresses of its family are used. A port of the system is taken for each connection, whichever backend it leads to.'
      ),
    proxyProtocol: word(['v1', 'v2'], foreignProxyProtocols)
      .optional()
      .describe('Send a PROXY header to the backends; left out: none.'),
    onDown: word(['keep', 'close'], foreignEnds)
      .prefault(defaults.pool.onDown)
      .describe(
        'What happens when probes find a backend down: `close` resets its L4 connections and its tunnels; its requests are tried elsewhere where `retry` allows that after a `reset`, and end otherwise. `keep` leaves them to the timeouts.'
      ),
    onUp: word(['keep', 'close-backups'], foreignReturns)
      .prefault(defaults.pool.onUp)
      .describe(
        'What happens to L4 connections when a backend that is no backup can serve again: `close-backups` resets those to backups, so that clients do not work with both at once.'
      ),
    onRemoved: word(['keep', 'close'], foreignEnds)
      .prefault(defaults.pool.onRemoved)
      .describe(
        'What happens to L4 connections to a backend that `discover` or a reload removes: `close` resets them, `keep` leaves them until one side ends them.'
      ),
    tls: backendTls.optional().describe('TLS to the backends; left out: clear text.')
  },
  {
    example: '{ backends: ["10.0.0.1:8080"] }',
    elsewhere: { weights: 'belong to the backends: { address: "10.0.0.1:8080", weight: 3 }' },
    lone: firstOf(loneText('backends'), (value) =>
      Array.isArray(value) ? 'write the list under "backends:"' : undefined
    )
  }
)

export type PoolInput = z.output<typeof poolSchema>
