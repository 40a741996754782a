import type { LookupAddress } from 'node:dns'
import type { Lookup } from './lookup.ts'
import { bindSource, fromSource, sourceFailure } from './source.ts'
import { PreferredAddresses } from './preferred-addresses.ts'
import { guarded } from '../../core/containment.ts'
import { leavesNoneForUs } from '../transport/descriptors.ts'
import { failure, UV_EMFILE, rawStreams, type RawConnect, type RawHandle } from '../transport/raw-streams.ts'
import { RawTransport } from '../transport/raw-transport.ts'
import type { TransportOwner } from '../transport/transport.ts'

/** RFC 8305 §5: how long one address may take before the next is tried in parallel. */
const NEXT_ADDRESS_MS = 250

/** Of this thread. */
const preferred = new PreferredAddresses()

/** Connects to an IP address; `owner.onConnect` or `owner.onClose` follows. */
export function dialAddress(
  owner: TransportOwner,
  address: string,
  port: number,
  source?: string
): RawTransport {
  const transport = RawTransport.toBeDialled(owner)
  const handle = rawStreams!.newTcp()
  transport.adopt(handle)
  const bound = bindSource(handle, source)
  if (bound !== 0) {
    transport.destroy(sourceFailure(source!, bound))
    return transport
  }
  const request = rawStreams!.newConnect()
  request.lbOwner = transport
  request.oncomplete = onConnected
  const status = connect(handle, request, address, port)
  if (status !== 0) transport.connected(status)
  return transport
}

/** Connects to the first of a name's addresses that accepts. */
export function dialName(
  owner: TransportOwner,
  name: string,
  port: number,
  lookup: Lookup,
  source?: string
): RawTransport {
  const transport = RawTransport.toBeDialled(owner)
  transport.dialling = new NameDial(transport, name, port, fromSource(lookup, source), source)
  return transport
}

/**
 * Tries one address after the other: the next when one fails or has not answered for a quarter of a second. All but the
 * first success are closed.
 */
class NameDial {
  readonly #transport: RawTransport
  readonly #name: string
  readonly #port: number
  readonly #source: string | undefined
  #addresses: readonly string[] = []
  #next = 0
  readonly #trying = new Map<RawHandle, string>()
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(
    transport: RawTransport,
    name: string,
    port: number,
    lookup: Lookup,
    source: string | undefined
  ) {
    this.#transport = transport
    this.#name = name
    this.#port = port
    this.#source = source
    lookup(name, { all: true }, (error, addresses) => {
      if (this.#over) return
      this.#guarded(() => {
        this.#addresses = preferred.order(name, inTurns(addresses as LookupAddress[]), performance.now())
        if (error !== null || this.#addresses.length === 0)
          this.#fail(error ?? new Error(`no address for ${name}`))
        else this.#try()
      })
    })
  }

  onInternalError(error: unknown): string | undefined {
    this.cancel()
    this.#transport.destroy(error as Error)
    return undefined
  }

  #guarded(run: () => void): void {
    guarded(run, this)
  }

  cancel(): void {
    this.#over = true
    clearTimeout(this.#timer)
    for (const handle of this.#trying.keys()) handle.close(() => {})
    this.#trying.clear()
  }

  #try(): void {
    const address = this.#addresses[this.#next++]!
    const handle = rawStreams!.newTcp()
    this.#trying.set(handle, address)
    const request = rawStreams!.newConnect()
    const tried = (status: number): void => this.#guarded(() => this.#tried(handle, status))
    request.oncomplete = tried
    if (this.#next < this.#addresses.length)
      this.#timer = setTimeout(() => this.#guarded(() => this.#try()), NEXT_ADDRESS_MS)
    const bound = bindSource(handle, this.#source)
    if (bound !== 0) return this.#tried(handle, bound, sourceFailure(this.#source!, bound))
    const status = connect(handle, request, address, this.#port)
    if (status !== 0) this.#tried(handle, status)
  }

  #tried(handle: RawHandle, status: number, error?: Error): void {
    // Closed by `cancel`: another address was faster, or the connect was cancelled.
    const address = this.#trying.get(handle)
    if (address === undefined) return
    this.#trying.delete(handle)
    if (status === 0) {
      if (this.#trying.size > 0) preferred.outran(this.#name, address, performance.now())
      this.cancel()
      this.#transport.adopt(handle)
      return this.#transport.connected(0)
    }
    handle.close(() => {})
    preferred.failed(this.#name, address)
    if (this.#next < this.#addresses.length) {
      clearTimeout(this.#timer)
      this.#try()
    } else if (this.#trying.size === 0) this.#fail(error ?? failure('connect', status))
  }

  #fail(error: Error): void {
    this.#over = true
    this.#transport.destroy(error)
  }
}

/**
 * RFC 8305 §4: in the resolver's order, but alternating between families, so that a broken family delays one step only.
 */
function inTurns(addresses: readonly LookupAddress[]): string[] {
  const first = addresses.filter(({ family }) => family === addresses[0]!.family)
  const second = addresses.filter(({ family }) => family !== addresses[0]!.family)
  return addresses.flatMap((_, i) => [first[i], second[i]]).flatMap((found) => (found ? [found.address] : []))
}

function connect(handle: RawHandle, request: RawConnect, address: string, port: number): number {
  const status = address.includes(':')
    ? handle.connect6!(request, address, port)
    : handle.connect!(request, address, port)
  // The remaining descriptors are reserved.
  return status === 0 && leavesNoneForUs(handle.fd) ? UV_EMFILE : status
}

// One function for all instead of a closure for each.
function onConnected(this: RawConnect, status: number): void {
  ;(this.lbOwner as RawTransport).connected(status)
}
