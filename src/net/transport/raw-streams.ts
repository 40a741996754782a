import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { SocketName } from './transport.ts'

/** libuv's stream handle as Node wraps it, the one inside of a net.Socket. */
export interface RawHandle {
  onread: ((this: RawHandle) => void) | undefined
  /** The file descriptor; -1 when there is none. */
  readonly fd: number
  /** The transport that owns it; set by RawTransport. */
  lbOwner?: unknown
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  writeBuffer(request: RawWrite, bytes: Uint8Array): number
  writeLatin1String(request: RawWrite, text: string): number
  writev(request: RawWrite, chunks: readonly unknown[], allBuffers: boolean): number
  shutdown(request: RawRequest): number
  close(done: () => void): void
  /** TCP only, like the following. */
  reset?(done: () => void): number
  bind?(address: string, port: number, flags: number): number
  bind6?(address: string, port: number, flags: number): number
  connect?(request: RawConnect, address: string, port: number): number
  connect6?(request: RawConnect, address: string, port: number): number
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, seconds: number): number
  getpeername?(out: object): number
  getsockname?(out: object): number
}

export interface RawRequest {
  oncomplete: ((this: this, status: number) => void) | undefined
  lbOwner?: unknown
}

export interface RawWrite extends RawRequest {
  /** Keeps the bytes that libuv reads alive, and has their number. */
  lbBytes?: unknown
  lbSize?: number
}

export type RawConnect = RawRequest

/** The internals that Node's own net module uses. */
export interface RawStreams {
  readonly newTcp: () => RawHandle
  readonly newConnect: () => RawConnect
  readonly newWrite: () => RawWrite
  readonly newShutdown: () => RawRequest
  /** The result of the read that `onread` was called for: bytes, or a negative error. */
  readonly readResult: () => number
  /** Whether libuv holds a part of the last write. */
  readonly lastWriteWaits: () => boolean
}

export const UV_EOF = -4_095

/**
 * `process.binding` is deprecated in the documentation only (DEP0111), and everything here is checked before use; where
 * a part is missing (another runtime, the permission model, a future Node), all streams are net.Sockets, and pass the
 * same tests. It exists because a net.Socket costs 25 µs to create, end and close and 2 µs per write in its Writable:
 * without it, a relayed connection costs 120 µs instead of 190 and a relayed message 16 instead of 20 (HAProxy in the
 * same run: 90 and 13). `LB_NET=sockets` turns it off.
 */
export const rawStreams: RawStreams | undefined = process.env['LB_NET'] === 'sockets' ? undefined : find()

function find(): RawStreams | undefined {
  try {
    const { binding } = process as unknown as { binding: (name: string) => Record<string, unknown> }
    const tcp = binding('tcp_wrap')
    const stream = binding('stream_wrap')
    const Tcp = tcp['TCP'] as new (type: number) => RawHandle
    const Connect = tcp['TCPConnectWrap'] as new () => RawConnect
    const Write = stream['WriteWrap'] as new () => RawWrite
    const Shutdown = stream['ShutdownWrap'] as new () => RawRequest
    const state = stream['streamBaseState'] as Int32Array
    const socketType = (tcp['constants'] as Record<string, unknown>)['SOCKET']
    const nread = stream['kReadBytesOrError']
    const waits = stream['kLastWriteWasAsync']
    if (![Tcp, Connect, Write, Shutdown].every((made) => typeof made === 'function')) return undefined
    if (typeof socketType !== 'number' || typeof nread !== 'number' || typeof waits !== 'number')
      return undefined
    if (typeof state?.[nread] !== 'number' || typeof state[waits] !== 'number') return undefined
    const methods = [
      'useUserBuffer',
      'readStart',
      'readStop',
      'writeBuffer',
      'writeLatin1String',
      'writev',
      'shutdown'
    ] as const
    const prototype = Tcp.prototype as Record<string, unknown>
    for (const name of [
      ...methods,
      'close',
      'reset',
      'bind',
      'bind6',
      'connect',
      'connect6',
      'getpeername',
      'getsockname'
    ] as const) {
      if (typeof prototype[name] !== 'function') return undefined
    }
    return {
      newTcp: () => new Tcp(socketType),
      newConnect: () => new Connect(),
      newWrite: () => new Write(),
      newShutdown: () => new Shutdown(),
      readResult: () => state[nread]!,
      lastWriteWaits: () => state[waits] !== 0
    }
  } catch {
    return undefined
  }
}

/** The events of a connection from C++. */
export interface RawEvents {
  readDone(): void
  completed(size: number, status: number): void
  shutDone(status: number): void
  /** One of the methods, or code that it called, threw: the connection ends. */
  failed(error: unknown): void
}

// One function for all connections instead of closures for each.

export function onRead(this: RawHandle): void {
  const events = this.lbOwner as RawEvents
  try {
    events.readDone()
  } catch (error) {
    events.failed(error)
  }
}

export function onWritten(this: RawWrite, status: number): void {
  const events = this.lbOwner as RawEvents
  this.lbBytes = undefined
  try {
    events.completed(this.lbSize!, status)
  } catch (error) {
    events.failed(error)
  }
}

export function onShutdown(this: RawRequest, status: number): void {
  const events = this.lbOwner as RawEvents
  try {
    events.shutDone(status)
  } catch (error) {
    events.failed(error)
  }
}

export const UV_EMFILE = -constants.errno.EMFILE
export const UV_ECONNRESET = -constants.errno.ECONNRESET

/** Reused by the next write of this thread: the kernel accepts most writes at once, and then nothing refers to it. */
let spare: RawWrite | undefined

export function takeRequest(): RawWrite {
  const request = spare
  if (request === undefined) return rawStreams!.newWrite()
  spare = undefined
  return request
}

/** Takes back a request that nothing refers to. */
export function reuseRequest(request: RawWrite): void {
  spare = request
}

/** The error for libuv's negative `status`, as net.Socket would report it. */
export function failure(call: string, status: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`${call} ${code}`), { code, errno: status, syscall: call })
}

/** The result of getpeername or getsockname; undefined when that end does not exist any more. */
export function nameFrom(ask: (out: object) => number | undefined): SocketName | undefined {
  const out: { address?: string; port?: number } = {}
  if (ask(out) !== 0 || out.address === undefined || out.port === undefined) return undefined
  return { address: out.address, port: out.port }
}

/**
 * libuv (1.52) reads once when data is available and the connection has gone, and reports what follows as an end, even
 * if it is a reset: an aborted stream would look complete. The kernel has no peer for the socket then.
 */
export function isGone(handle: RawHandle): boolean {
  // A unix socket has neither names nor resets.
  return handle.getpeername !== undefined && handle.getpeername({}) !== 0
}
