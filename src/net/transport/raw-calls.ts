import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { rawStreams, type RawHandle, type RawWrite } from './raw-streams.ts'
import type { SocketName } from './transport.ts'

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
