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
