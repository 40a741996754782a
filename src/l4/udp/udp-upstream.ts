import { isIP } from 'node:net'
import type { Outcome } from '../../balancer/pool/lease.ts'
import type { BackendAddress } from '../../config/model/model.ts'
import {
  receiveFor,
  udpInternals,
  type DatagramOwner,
  type UdpHandle
} from '../../net/datagram/udp-handle.ts'
import { threadLookup } from '../../net/dial/lookup.ts'
import { bindSource, fromSource } from '../../net/dial/source.ts'
import { leavesNoneForBackends } from '../../net/transport/descriptors.ts'
import { failure, UV_EMFILE } from '../../net/transport/raw-streams.ts'

export interface UdpFailure {
  readonly outcome: Outcome
  readonly error: NodeJS.ErrnoException
}

/** By what ICMP tells a connected socket (refused, unreachable): the backend's fault. The rest is this machine's. */
const THEIRS = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN', 'ECONNRESET'])

export function outcomeOf(status: number): UdpFailure {
  const error = failure('send', status)
  return { outcome: THEIRS.has(error.code!) ? 'connect-failure' : 'unused', error }
}

type Connected = (handle: UdpHandle | undefined, failed: UdpFailure | undefined) => void

/**
 * A socket connected to the backend, which receives for `owner`. `done` is called at once where the address is known, else
 * when its name was looked up.
 */
export function connectUpstream(
  address: BackendAddress,
  source: string | undefined,
  owner: DatagramOwner,
  done: Connected
): void {
  if (address.kind === 'unix') throw new Error(`${address.text}: no datagrams over unix sockets`)
  if (isIP(address.host) !== 0) return connect(address.host, address.port, source, owner, done)
  fromSource(threadLookup(), source)(address.host, {}, (error, found) => {
    if (error !== null) done(undefined, { outcome: 'connect-failure', error })
    else connect(found as string, address.port, source, owner, done)
  })
}

function connect(
  host: string,
  port: number,
  source: string | undefined,
  owner: DatagramOwner,
  done: Connected
): void {
  const handle = udpInternals!.newUdp()
  let status = bindSource(handle, source)
  if (status === 0) status = host.includes(':') ? handle.connect6(host, port) : handle.connect(host, port)
  if (status === 0) status = receiveFor(handle, owner)
  // Each session has a socket: without a bound those of UDP would leave none for anything else.
  if (status === 0 && leavesNoneForBackends(handle.fd)) status = UV_EMFILE
  if (status === 0) return done(handle, undefined)
  handle.close()
  done(undefined, outcomeOf(status))
}
