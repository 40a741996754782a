import type { ContestantResult, Results, ScenarioResult } from '../harness/results.ts'
import { ratio, spread, type Spread } from '../stats/spread.ts'

/** What lb wants to reach, each read from the figures of one run. */
export interface Goal {
  readonly text: string
  readonly scenario: string
  readonly metric: string
  /** Label of lb's row. */
  readonly ours: string
  /** Label of the row to divide by; undefined: the figure itself is held to the limit. */
  readonly theirs?: string
  readonly limit: number
  /** The limit is the least that is wanted, not the most. */
  readonly atLeast?: boolean
}

export interface GoalResult extends Goal {
  readonly found?: Spread
  readonly met?: boolean
}

/** The npm proxy with the lowest figure in that scenario. */
export const bestNodePeer = 'the best Node.js proxy'
const nodePeers = new Set(['http-proxy', 'http-proxy-3', 'httpxy', 'fast-proxy', '@fastify/http-proxy'])

function cpu(scenario: string, theirs: string, limit: number, text: string, ours = 'lb'): Goal {
  return { scenario, metric: 'cpu', ours, theirs, limit, text }
}

export const goals: readonly Goal[] = [
  cpu('l7-get', 'haproxy', 1.35, 'CPU per small GET, to HAProxy'),
  cpu('l7-get', bestNodePeer, 0.6, 'CPU per small GET, to the best Node.js proxy'),
  cpu(
    'l7-get-pipelining8',
    'haproxy',
    1.05,
    'CPU per small GET with `pipelining: 8`, to HAProxy',
    'lb pipelining 8'
  ),
  cpu('l7-64k', 'haproxy', 1.3, 'CPU per byte at 64 KB, to HAProxy'),
  cpu('l7-1m', 'haproxy', 1.3, 'CPU per byte at 1 MB, to HAProxy'),
  cpu('stages', 'lb', 1.25, 'CPU per small GET with five stages, to none', 'lb five stages'),
  cpu('stages', 'lb', 1.3, 'CPU per small GET with ten stages, to none', 'lb ten stages'),
  cpu('tls-get', 'nginx', 1.1, 'CPU per small GET over kept TLS connections, to nginx'),
  cpu('tls-1m', 'nginx', 0.8, 'CPU per byte at 1 MB over TLS, to nginx'),
  cpu('tls-handshake', 'nginx', 1.05, 'CPU per full TLS 1.3 handshake, to nginx'),
  cpu('tls-resumed', 'nginx', 1.05, 'CPU per resumed TLS 1.3 handshake, to nginx'),
  cpu('tls12-resumed', 'nginx', 1.35, 'CPU per resumed TLS 1.2 handshake, to nginx'),
  cpu('h2c-16x10', 'haproxy', 1, 'CPU per HTTP/2 request, ten streams at a time, to HAProxy'),
  cpu('h2c-16x10', 'nginx', 0.6, 'CPU per HTTP/2 request, ten streams at a time, to nginx'),
  cpu('h2c-64x1', 'haproxy', 1.05, 'CPU per HTTP/2 request, one stream at a time, to HAProxy'),
  cpu('h2c-1m', 'nginx', 1.1, 'CPU per byte at 1 MB over HTTP/2, to nginx'),
  cpu('cache-hit', 'nginx', 0.75, 'CPU per cache hit of 1 KB, to nginx `proxy_cache`'),
  cpu('cache-hit', 'varnish', 1.1, 'CPU per cache hit of 1 KB, to Varnish'),
  {
    scenario: 'cache-miss-storm',
    metric: 'upstream',
    ours: 'lb',
    limit: 1,
    text: 'Upstream requests for one uncached object that all ask for'
  },
  cpu('l4-request-response', 'haproxy', 1.2, 'CPU per TCP message, to HAProxy'),
  cpu('udp-standing', 'nginx', 1.7, 'CPU per UDP exchange of a standing session, to nginx'),
  cpu('udp-renewed', 'nginx', 1.7, 'CPU per UDP exchange with a session of its own, to nginx'),
  cpu('l4-bulk', 'haproxy', 1.2, 'CPU per GB over one TCP stream, to HAProxy'),
  cpu('l4-bulk-8', 'haproxy', 1.2, 'CPU per GB over eight TCP streams, to HAProxy'),
  {
    scenario: 'l4-bulk',
    metric: 'rate',
    ours: 'lb',
    theirs: 'haproxy',
    limit: 0.9,
    atLeast: true,
    text: 'Throughput over one TCP stream, to HAProxy'
  },
  {
    scenario: 'l4-bulk-8',
    metric: 'rate',
    ours: 'lb',
    theirs: 'haproxy',
    limit: 0.9,
    atLeast: true,
    text: 'Throughput over eight TCP streams, to HAProxy'
  },
  cpu('l4-new-connections', 'haproxy', 1.6, 'CPU per new TCP connection, to HAProxy'),
  { scenario: 'idle-l7', metric: 'perConnection', ours: 'lb', limit: 8, text: 'KB per idle HTTP connection' },
  {
    scenario: 'idle-tls',
    metric: 'perConnection',
    ours: 'lb',
    limit: 50,
    text: 'KB per idle TLS connection'
  },
  {
    scenario: 'idle-h2c',
    metric: 'perConnection',
    ours: 'lb',
    limit: 8,
    text: 'KB per idle HTTP/2 connection'
  },
  {
    scenario: 'idle-h2-tls',
    metric: 'perConnection',
    ours: 'lb',
    limit: 52,
    text: 'KB per idle HTTP/2 connection over TLS'
  },
  { scenario: 'idle-l4', metric: 'perConnection', ours: 'lb', limit: 12, text: 'KB per idle TCP connection' },
  cpu('routes-1000', 'lb 10 routes', 1.1, 'CPU per request with 1,000 routes, to 10', 'lb 1000 routes'),
  {
    scenario: 'websocket-echo',
    metric: 'errors',
    ours: 'lb',
    limit: 0,
    text: 'Wrong or lost WebSocket echoes'
  }
]

export function judge(results: Results, list: readonly Goal[] = goals): GoalResult[] {
  return list.map((goal) => {
    const scenario = results.scenarios.find(({ name }) => name === goal.scenario)
    const found = scenario === undefined ? undefined : figure(scenario, goal)
    if (found === undefined) return goal
    // Half a digit of tolerance in what is shown: 1.204 reads 1.20.
    const met =
      goal.atLeast === true ? found.median >= goal.limit - 0.005 : found.median <= goal.limit + 0.005
    return { ...goal, found, met }
  })
}

function figure(scenario: ScenarioResult, { ours, theirs, metric }: Goal): Spread | undefined {
  const values = ({ rounds }: ContestantResult): (number | undefined)[] =>
    rounds.map((round) => round[metric])
  const find = (label: string): ContestantResult | undefined =>
    scenario.contestants.find((contestant) => contestant.label === label)
  const own = find(ours)
  if (own === undefined) return undefined
  if (theirs === undefined) return spread(values(own))
  if (theirs !== bestNodePeer) {
    const other = find(theirs)
    return other === undefined ? undefined : ratio(values(own), values(other))
  }
  const best = scenario.contestants
    .filter(({ target }) => nodePeers.has(target))
    .map((contestant) => ({ contestant, median: spread(values(contestant))?.median ?? Infinity }))
    .sort((a, b) => a.median - b.median)[0]
  return best === undefined ? undefined : ratio(values(own), values(best.contestant))
}
