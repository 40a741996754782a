import type { BackendConfig } from '../../config/model/model.ts'
import { backendAt } from '../dns.ts'

/** The parts of a discovery.k8s.io/v1 EndpointSlice that are read. */
export interface EndpointSlice {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
  readonly addressType?: string
  readonly ports?: readonly { readonly name?: string | null; readonly port?: number | null }[] | null
  readonly endpoints?: readonly Endpoint[] | null
}

interface Endpoint {
  readonly addresses: readonly string[]
  readonly conditions?: {
    readonly ready?: boolean | null
    readonly serving?: boolean | null
    readonly terminating?: boolean | null
  }
  readonly targetRef?: { readonly name?: string }
  readonly hints?: { readonly forZones?: readonly { readonly name: string }[] }
}

/**
 * The backends of one service, from all its slices. Ready endpoints; if there are none, terminating ones that still
 * serve (like kube-proxy, KEP-1669). Zone hints count only if every endpoint has one (KEP-2433). Pure.
 */
export function sliceBackends(
  slices: Iterable<EndpointSlice>,
  port: string | number | undefined,
  zone: string | undefined
): BackendConfig[] {
  const ready = new Map<string, Found>()
  const ending = new Map<string, Found>()
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') continue
    const number = portOf(slice, port)
    if (number === undefined) continue
    for (const endpoint of slice.endpoints ?? []) {
      const host = endpoint.addresses[0]
      if (host === undefined) continue
      const { ready: isReady, serving, terminating } = endpoint.conditions ?? {}
      const found = { backend: backendAt(host, number, {}), endpoint, v4: slice.addressType === 'IPv4' }
      // An unknown state counts as ready (API reference).
      if (isReady !== false) keep(ready, found)
      else if (serving === true && terminating === true) keep(ending, found)
    }
  }
  const chosen = [...(ready.size > 0 ? ready : ending).values()]
  return inZone(chosen, zone)
    .map(({ backend }) => backend)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

interface Found {
  readonly backend: BackendConfig
  readonly endpoint: Endpoint
  readonly v4: boolean
}

/** A pod of a dual-stack service is in slices of both families: once is enough. */
function keep(all: Map<string, Found>, found: Found): void {
  const key = found.endpoint.targetRef?.name ?? found.backend.name
  const known = all.get(key)
  if (known === undefined || (found.v4 && !known.v4)) all.set(key, found)
}

function portOf({ ports }: EndpointSlice, wanted: string | number | undefined): number | undefined {
  const given = (ports ?? []).filter(({ port }) => typeof port === 'number')
  if (wanted === undefined) return given.length === 1 ? given[0]!.port! : undefined
  return (
    given.find(({ name, port }) => (typeof wanted === 'number' ? port === wanted : name === wanted))?.port ??
    undefined
  )
}

function inZone(found: readonly Found[], zone: string | undefined): readonly Found[] {
  if (zone === undefined) return found
  const hinted = found.every(({ endpoint }) => (endpoint.hints?.forZones?.length ?? 0) > 0)
  if (!hinted) return found
  const near = found.filter(({ endpoint }) => endpoint.hints!.forZones!.some(({ name }) => name === zone))
  return near.length > 0 ? near : found
}
