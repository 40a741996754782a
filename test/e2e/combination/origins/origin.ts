import { createServer as createHttp2, createSecureServer, type Http2Server } from 'node:http2'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { Plan } from '../plan.ts'
import { afterProxyHeader } from './proxy-header.ts'
import { Http1Served } from './http1-origin.ts'
import { serveHttp2 } from './http2-origin.ts'

/** What a backend speaks. */
export const backendKinds = ['clear', 'tls', 'unix', 'h2c', 'h2'] as const
export type BackendKind = (typeof backendKinds)[number]

export interface OriginHost {
  /** A request is there, whole. */
  onComplete(plan: Plan, upload: { readonly bytes: number; readonly hash: string }): void
}

export interface OriginOptions extends OriginHost {
  readonly kind: BackendKind
  readonly certificate: { readonly cert: string; readonly key: string }
  /** How long it takes before it begins with TLS. */
  readonly tlsAfterMs: number
  /** Connections begin with a PROXY header. */
  readonly proxied: boolean
  /** Where it listens, when by a path. */
  readonly path: string
}

export interface CombinationOrigin {
  readonly address: string
  close(): void
}

/** A backend that does with each request what its plan says. */
export async function combinationOrigin(options: OriginOptions): Promise<CombinationOrigin> {
  const { kind, certificate } = options
  const sockets = new Set<Socket>()
  const http2 = kind === 'h2c' ? createHttp2() : kind === 'h2' ? createSecureServer(certificate) : undefined
  if (http2 !== undefined) serveHttp2(http2, options)
  const server = createServer({ allowHalfOpen: http2 === undefined }, (raw) => {
    sockets.add(raw)
    raw.once('close', () => sockets.delete(raw))
    raw.on('error', () => {})
    const begin = (): void => {
      if (kind !== 'tls' && kind !== 'h2') return serve(raw, http2, options)
      raw.pause()
      setTimeout(secure, options.tlsAfterMs)
    }
    const secure = (): void => {
      if (raw.destroyed) return
      if (http2 !== undefined) return void http2.emit('connection', raw)
      const socket = new TLSSocket(raw, { isServer: true, ...certificate })
      socket.on('error', () => {})
      new Http1Served(socket, options)
    }
    if (options.proxied) afterProxyHeader(raw, begin)
    else begin()
  })
  await listening(server, kind === 'unix' ? options.path : undefined)
  return {
    address: kind === 'unix' ? `unix:${options.path}` : `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

function serve(socket: Socket, http2: Http2Server | undefined, host: OriginHost): void {
  if (http2 === undefined) new Http1Served(socket, host)
  else http2.emit('connection', socket)
}

function listening(server: Server, path: string | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (path === undefined) server.listen(0, '127.0.0.1', resolve)
    else server.listen(path, resolve)
  })
}
