import type { Lookup } from './lookup.ts'
import { NameDial, type Attempts } from './name-dial.ts'
import { bindSource, fromSource, sourceFailure } from './source.ts'
import { leavesNoneForUs } from '../transport/descriptors.ts'
import { failure, UV_EMFILE, rawStreams, type RawConnect, type RawHandle } from '../transport/raw-streams.ts'
import { RawTransport } from '../transport/raw-transport.ts'
import type { TransportOwner } from '../transport/transport.ts'

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
  const attempts = new RawAttempts(transport, port, source)
  transport.dialling = new NameDial(name, fromSource(lookup, source), attempts)
  return transport
}

class RawAttempts implements Attempts<RawHandle> {
  readonly #transport: RawTransport
  readonly #port: number
  readonly #source: string | undefined

  constructor(transport: RawTransport, port: number, source: string | undefined) {
    this.#transport = transport
    this.#port = port
    this.#source = source
  }

  begin(address: string, told: (error?: Error) => void): RawHandle {
    const handle = rawStreams!.newTcp()
    const bound = bindSource(handle, this.#source)
    if (bound !== 0) {
      process.nextTick(told, sourceFailure(this.#source!, bound))
      return handle
    }
    const request = rawStreams!.newConnect()
    request.oncomplete = (status: number) => told(status === 0 ? undefined : failure('connect', status))
    const status = connect(handle, request, address, this.#port)
    if (status !== 0) process.nextTick(told, failure('connect', status))
    return handle
  }

  close(handle: RawHandle): void {
    handle.close(() => {})
  }

  won(handle: RawHandle): void {
    this.#transport.adopt(handle)
    this.#transport.connected(0)
  }

  failed(error: Error): void {
    this.#transport.destroy(error)
  }
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
