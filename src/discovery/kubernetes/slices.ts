import type { BackendConfig } from '../../config/model/model.ts'
import { backendAt } from '../dns.ts'
import { NameOrder } from '../name-order.ts'

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
 * serve (like kube-proxy, KEP-1669). Zone hints count only if every endpoint has one (KEP-2433). A slice that is the
 * same object as before is not read again, nor are its backends made anew.
 */
export class SliceReader {
  readonly #port: string | number | undefined
  readonly #zone: string | undefined
  readonly #read = new WeakMap<EndpointSlice, readonly Found[]>()
  readonly #order = new NameOrder()

  constructor(port: string | number | undefined, zone: string | undefined) {
    this.#port = port
    this.#zone = zone
  }

  backends(slices: Iterable<EndpointSlice>): readonly BackendConfig[] {
    const ready = new Map<string, Found>()
    const ending = new Map<string, Found>()
    for (const slice of slices) {
      let found = this.#read.get(slice)
      if (found === undefined) this.#read.set(slice, (found = foundIn(slice, this.#port)))
      for (const each of found) keep(each.ending ? ending : ready, each)
    }
    const chosen = inZone([...(ready.size > 0 ? ready : ending).values()], this.#zone)
    const byName = new Map<string, BackendConfig>()
    // The address of a pod that is gone may be another's by now, before both slices tell.
    for (const { backend } of chosen) if (!byName.has(backend.name)) byName.set(backend.name, backend)
    return this.#order.sort([...byName.values()])
  }
}

interface Found {
  readonly backend: BackendConfig
  readonly endpoint: Endpoint
  /** The same for one pod in all slices. */
  readonly key: string
  readonly v4: boolean
  /** It terminates, and still serves. */
  readonly ending: boolean
}

function foundIn(slice: EndpointSlice, port: string | number | undefined): readonly Found[] {
  if (slice.addressType !== 'IPv4' && slice.addressType !== 'IPv6') return []
  const number = portOf(slice, port)
  if (number === undefined) return []
  const v4 = slice.addressType === 'IPv4'
  return (slice.endpoints ?? []).flatMap((endpoint) => {
    const host = endpoint.addresses[0]
    if (host === undefined) return []
    const { ready, serving, terminating } = endpoint.conditions ?? {}
    // An unknown state counts as ready (API reference).
    const ending = ready === false
    if (ending && !(serving === true && terminating === true)) return []
    const backend = backendAt(host, number, {})
    return [{ backend, endpoint, key: endpoint.targetRef?.name ?? backend.name, v4, ending }]
  })
}

/** A pod of a dual-stack service is in slices of both families: once is enough. */
function keep(all: Map<string, Found>, found: Found): void {
  const known = all.get(found.key)
  if (known === undefined || (found.v4 && !known.v4)) all.set(found.key, found)
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
