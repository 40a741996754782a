import type { SecureContext } from 'node:tls'
import { rawStreams, type RawHandle } from '../transport/raw-streams.ts'

/**
 * OpenSSL on a stream handle, as Node wraps it, the one inside of a TLSSocket. Reads and writes like the handle itself.
 */
export interface TlsHandle extends Omit<RawHandle, 'close' | 'fd'> {
  /** Keeps alive what C++ holds weakly: the certificates in use. */
  lbContext?: unknown
  /** The handle underneath. Written by `tellEvents` only. */
  lbTcp?: RawHandle
  /** Of a handshake that may have to end with an alert of ours. */
  lbSecret?: Buffer | undefined
  onhandshakedone: ((this: TlsHandle) => void) | undefined
  /** After `enableKeylogCallback`. */
  onkeylog?: ((this: TlsHandle, line: Buffer) => void) | undefined
  onerror: ((this: TlsHandle, error: NodeJS.ErrnoException) => void) | undefined
  receive(bytes: Uint8Array): void
  enableKeylogCallback?(): void
  setALPNProtocols(protocols: Uint8Array): void
  setOCSPResponse(response: Uint8Array): void
  setVerifyMode(request: boolean, reject: boolean): void
  setMaxSendFragment(bytes: number): number
  verifyError(): (Error & { code?: string }) | null | undefined
  getPeerCertificate(detailed: boolean): { raw?: Buffer } | undefined
  getServername(): string | false | undefined
  getALPNNegotiatedProtocol(): string | false | undefined
  getProtocol(): string | null
  getCipher(): { name: string } | undefined
  isSessionReused(): boolean
  destroySSL(): void
}

/** The internals that Node's own tls module uses. */
export interface RawTls {
  /** Puts the server's side of TLS on a connected handle, which it reads and writes from now on. */
  server(tcp: RawHandle, context: SecureContext): TlsHandle
}

const METHODS = [
  ...['onread', 'useUserBuffer', 'readStart', 'readStop', 'writeBuffer', 'writeLatin1String', 'writev'],
  ...['shutdown', 'receive', 'setALPNProtocols', 'setOCSPResponse'],
  ...['setVerifyMode', 'setMaxSendFragment', 'verifyError', 'getPeerCertificate', 'getServername'],
  ...['getALPNNegotiatedProtocol', 'getProtocol', 'getCipher', 'isSessionReused', 'destroySSL']
]

/**
 * Undefined where a part is missing: then TLS uses TLSSockets, and passes the same tests. It exists because a TLSSocket
 * costs 50 to 105 µs of the 330 that a handshake takes, and 1.5 µs per request.
 */
export const rawTls: RawTls | undefined = rawStreams === undefined ? undefined : find()

function find(): RawTls | undefined {
  try {
    const { binding } = process as unknown as { binding: (name: string) => Record<string, unknown> }
    const found = binding('tls_wrap')
    const wrap = found['wrap'] as (
      tcp: RawHandle,
      context: unknown,
      isServer: boolean,
      writing: boolean
    ) => TlsHandle
    const { prototype } = found['TLSWrap'] as { prototype: object }
    if (typeof wrap !== 'function' || METHODS.some((name) => !has(prototype, name))) return undefined
    return {
      server(tcp, context) {
        const handle = wrap(tcp, context.context, true, false)
        handle.lbContext = context
        // C++ holds the TCP handle strongly and this one weakly: collecting it under a live connection would crash the
        // process.
        ;(tcp as RawHandle & { lbTls?: TlsHandle }).lbTls = handle
        return handle
      }
    }
  } catch {
    return undefined
  }
}

/** `onread` is an accessor that works on handles only. */
function has(prototype: object, name: string): boolean {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (Object.getOwnPropertyDescriptor(at, name) !== undefined) return true
  }
  return false
}
