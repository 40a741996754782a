import type { LookupAddress } from 'node:dns'
import { isIP } from 'node:net'
import { failure } from '../transport/raw-streams.ts'
import type { Lookup } from './lookup.ts'

/** A socket of TCP or UDP. TCP has no flags, and ignores them. */
interface Bindable {
  bind?(address: string, port: number, flags: number): number
  bind6?(address: string, port: number, flags: number): number
}

/** Of the addresses of a name those that can be reached from `source`, if there is one: an IPv4 socket reaches no IPv6 address. */
export function fromSource(lookup: Lookup, source: string | undefined): Lookup {
  if (source === undefined) return lookup
  const family = isIP(source)
  return (name, options, callback) =>
    lookup(name, { ...options, all: true }, (error, found) => {
      const addresses = (found as LookupAddress[]).filter((address) => address.family === family)
      const first = addresses[0]
      if (error !== null || first === undefined)
        callback(error ?? noAddress(name, source), options.all === true ? [] : '')
      else if (options.all === true) callback(null, addresses)
      else callback(null, first.address, first.family)
    })
}

function noAddress(name: string, source: string): NodeJS.ErrnoException {
  const error = new Error(`${name} has no address that can be reached from ${source}`)
  return Object.assign(error, { code: 'ENOTFOUND' })
}

/** Gives a handle that is not connected yet its local address, if there is one; returns 0 or a negative error. */
export function bindSource(handle: Bindable, source: string | undefined): number {
  if (source === undefined) return 0
  // A port is chosen by the system. If none is left, libuv tells it when the handle connects.
  return source.includes(':') ? handle.bind6!(source, 0, 0) : handle.bind!(source, 0, 0)
}

/** Why `source` could not be bound. */
export function sourceFailure(source: string, status: number): Error {
  const error = failure('bind', status)
  error.message += `: source ${source}`
  return error
}
