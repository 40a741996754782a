import { failure } from '../transport/raw-streams.ts'
import type { DescriptorHandle } from './ipc-pipe.ts'

/** A stream socket that is bound but not listening yet. Uses internals of Node, as raw-streams.ts does. */
export interface StreamHandle extends DescriptorHandle {
  onconnection?: unknown
  listen(backlog: number): number
  getsockname?(out: object): number
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, seconds: number): number
}

interface Bindable extends StreamHandle {
  bind(address: string, port?: number, flags?: number): number
  bind6(address: string, port: number, flags: number): number
  /** For a pipe it returns nothing, and throws on failure. */
  open(fd: number): number | undefined
}

interface Internals {
  readonly newTcp: () => Bindable
  readonly newPipe: () => Bindable
  readonly ipv6Only: number
  readonly reusePort: number
}

/** Undefined where Node lacks a part: then each thread binds with net.Server. */
const internals: Internals | undefined = find()

export const bindsStreams = internals !== undefined

/**
 * Binds a TCP address. `shared`: one of several sockets, between which the kernel distributes connections; otherwise
 * binding fails if another process listens there. Throws the error of bind(2).
 */
export function bindTcp(host: string, port: number, shared: boolean): StreamHandle {
  const { newTcp, ipv6Only, reusePort } = internals!
  const handle = newTcp()
  const flags = shared ? reusePort : 0
  const status = host.includes(':')
    ? handle.bind6(host, port, flags | ipv6Only)
    : handle.bind(host, port, flags)
  // That the address is in use is reported by the next call only.
  return checked(handle, status === 0 ? handle.getsockname!({}) : status)
}

export function bindUnix(path: string): StreamHandle {
  const handle = internals!.newPipe()
  return checked(handle, handle.bind(path))
}

/** A socket bound by another thread or process, from its descriptor, which the handle owns from now on. */
export function openStream(fd: number, unix: boolean): StreamHandle {
  const handle = unix ? internals!.newPipe() : internals!.newTcp()
  return checked(handle, handle.open(fd) ?? 0)
}

/** Undefined for a unix socket. */
export function portOfStream(handle: StreamHandle): number | undefined {
  const name: { port?: number } = {}
  handle.getsockname?.(name)
  return name.port
}

function checked(handle: StreamHandle, status: number): StreamHandle {
  if (status >= 0) return handle
  handle.close()
  throw failure('bind', status)
}

function find(): Internals | undefined {
  try {
    const { binding } = process as unknown as { binding: (name: string) => Record<string, unknown> }
    const tcp = binding('tcp_wrap')
    const pipe = binding('pipe_wrap')
    const Tcp = tcp['TCP'] as new (type: number) => Bindable
    const Pipe = pipe['Pipe'] as new (type: number) => Bindable
    const flags = tcp['constants'] as Record<string, number | undefined>
    const server = flags['SERVER']
    const pipeServer = (pipe['constants'] as Record<string, number | undefined>)['SERVER']
    const ipc = (pipe['constants'] as Record<string, number | undefined>)['IPC']
    const reusePort = flags['UV_TCP_REUSEPORT']
    if ([server, pipeServer, ipc, reusePort].some((flag) => typeof flag !== 'number')) return undefined
    const has = (made: unknown, names: readonly string[]) => {
      const prototype = (made as { prototype?: Record<string, unknown> } | undefined)?.prototype
      // eslint-disable-next-line lb/no-text-index -- fixed names, looked up on a prototype
      return prototype !== undefined && names.every((name) => typeof prototype[name] === 'function')
    }
    if (!has(Tcp, ['bind', 'bind6', 'open', 'listen', 'getsockname', 'close'])) return undefined
    if (!has(Pipe, ['bind', 'listen', 'open', 'connect', 'readStart', 'writeUtf8String', 'close']))
      return undefined
    return {
      newTcp: () => new Tcp(server!),
      newPipe: () => new Pipe(pipeServer!),
      ipv6Only: flags['UV_TCP_IPV6ONLY'] ?? 1,
      reusePort: reusePort!
    }
  } catch {
    return undefined
  }
}
