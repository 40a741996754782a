import { request } from 'undici'
import type { BackendConfig, ConsulDiscovery } from '../config/model/model.ts'
import { boundedText } from './bounded-text.ts'
import { urlBelow } from './url-below.ts'
import { backendAt } from './dns.ts'
import { Poller } from './poller.ts'
import type { Source, SourceDeps } from './source.ts'

/** The parts of an element of `/v1/health/service/:name` that are read. */
interface Entry {
  readonly Node?: { readonly Address?: string }
  readonly Service?: {
    readonly ID?: string
    readonly Address?: string
    readonly Port?: number
    readonly Weights?: { readonly Passing?: number }
  }
}

const WAIT = '55s'
/**
 * Longest wait for the head of an answer (Consul adds a sixteenth to the requested time), and between two parts of its
 * body.
 */
const HEAD_MS = 75_000
const BODY_MS = 10_000
/** An index may change with other services of the server: this limits the rate of requests. */
const LEAST_MS = 100

/** Consul's blocking queries: each answer waits until the service has changed since the index in the request. */
export function consulSource(config: ConsulDiscovery, deps: SourceDeps): Source {
  let index = 0
  const poller = new Poller(
    deps,
    async (signal, succeeded) => {
      const askedWith = index
      const askedAt = deps.clock.now()
      // After any failure: the next server may be another one, or a restored one with smaller indexes.
      index = 0
      const url = urlBelow(config.url, `/v1/health/service/${encodeURIComponent(config.service)}`)
      url.searchParams.set('passing', '1')
      url.searchParams.set('index', String(askedWith))
      url.searchParams.set('wait', WAIT)
      if (config.tag !== undefined) url.searchParams.set('tag', config.tag)
      if (config.datacenter !== undefined) url.searchParams.set('dc', config.datacenter)
      const headers = config.token === undefined ? {} : { 'x-consul-token': config.token }
      const response = await request(url, { signal, headers, headersTimeout: HEAD_MS, bodyTimeout: BODY_MS })
      const text = await boundedText(response.body)
      if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`)
      deps.found(backendsOf(JSON.parse(text) as Entry[]))
      succeeded()
      const next = Number(response.headers['x-consul-index'])
      // A smaller index means that the server was restored; below 1 it would not block.
      index = Number.isSafeInteger(next) && next >= 1 && next >= askedWith ? next : 0
      return index === 0 ? 1_000 : Math.max(0, LEAST_MS - (deps.clock.now() - askedAt))
    },
    { stream: true }
  )
  return { label: `consul ${config.service}`, close: () => poller.close() }
}

function backendsOf(entries: readonly Entry[]): BackendConfig[] {
  const backends = new Map<string, BackendConfig>()
  for (const { Node, Service } of entries) {
    const host = Service?.Address || Node?.Address
    const port = Service?.Port
    if (!host || port === undefined || port < 1) continue
    const weight = Math.max(1, Math.min(1_000, Service?.Weights?.Passing ?? 1))
    const backend = backendAt(host, port, { weight })
    backends.set(backend.name, backend)
  }
  return [...backends.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
