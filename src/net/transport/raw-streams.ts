import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import type { SocketName } from './transport.ts'

/** A stream handle of libuv's as Node wraps it: what is under a net.Socket. */
export interface RawHandle {
  onread: ((this: RawHandle) => void) | undefined
  /** The file descriptor; -1 where there is none. */
  readonly fd: number
  /** The transport that it belongs to; set by RawTransport. */
  lbOwner?: unknown
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  writeBuffer(request: RawWrite, bytes: Uint8Array): number
  writeLatin1String(request: RawWrite, text: string): number
  writev(request: RawWrite, chunks: readonly unknown[], allBuffers: boolean): number
  shutdown(request: RawRequest): number
  close(done: () => void): void
  /** TCP only, like those below. */
  reset?(done: () => void): number
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
  /** Keeps what libuv reads from alive, and tells how much it was. */
  lbBytes?: unknown
  lbSize?: number
}

export type RawConnect = RawRequest

/** What Node's own net module is made of. */
export interface RawStreams {
  readonly newTcp: () => RawHandle
  readonly newConnect: () => RawConnect
  readonly newWrite: () => RawWrite
  readonly newShutdown: () => RawRequest
  /** Of the read that `onread` was called for: bytes, or a negative error. */
  readonly readResult: () => number
  /** Whether libuv holds a part of what the last write was given. */
  readonly lastWriteWaits: () => boolean
}

export const UV_EOF = -4_095

/**
 * `process.binding` is deprecated in the documentation only (DEP0111), and everything here is looked at before it is
 * used; where something is missing (another runtime, the permission model, a Node to come), all streams are
 * net.Sockets, by the same tests. It is there because a net.Socket costs 25 µs to make, end and close and 2 µs per
 * write in its Writable: without, a relayed connection costs 120 µs instead of 190 and a relayed message 16 instead of
 * 20 (HAProxy in the same run: 90 and 13). `LB_NET=sockets` turns it off.
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

/** What C++ tells of a connection. */
export interface RawEvents {
  readDone(): void
  completed(size: number, status: number): void
  shutDone(status: number): void
  /** One of these threw, or what it called: the connection ends. */
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

/** Used again by the next write of this thread: the kernel takes most writes at once, and then nothing refers to it. */
let spare: RawWrite | undefined

export function takeRequest(): RawWrite {
  const request = spare
  if (request === undefined) return rawStreams!.newWrite()
  spare = undefined
  return request
}

/** Gives back a request that nothing refers to. */
export function reuseRequest(request: RawWrite): void {
  spare = request
}

/** What libuv's negative `status` means, as net.Socket would tell it. */
export function failure(call: string, status: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`${call} ${code}`), { code, errno: status, syscall: call })
}

/** What getpeername or getsockname says; undefined when there is no such end any more. */
export function nameFrom(ask: (out: object) => number | undefined): SocketName | undefined {
  const out: { address?: string; port?: number } = {}
  if (ask(out) !== 0 || out.address === undefined || out.port === undefined) return undefined
  return { address: out.address, port: out.port }
}

/**
 * libuv (1.52) reads once when there is something to read and the connection is gone, and calls what follows an end, even
 * when it is a reset: a stream that was broken off would look whole. The kernel knows no peer any more then.
 */
export function isGone(handle: RawHandle): boolean {
  // A unix socket has neither names nor resets.
  return handle.getpeername !== undefined && handle.getpeername({}) !== 0
}
