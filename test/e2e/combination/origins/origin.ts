import { createServer as createHttp2, createSecureServer, type Http2Server } from 'node:http2'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { offersSession } from './offers-session.ts'
import { resetSocket } from '../../../reset-socket.ts'
import { pause, type Plan } from '../plan.ts'
import { afterProxyHeader, type ToldTls } from './proxy-header.ts'
import { Http1Served } from './http1-origin.ts'
import { serveHttp2 } from './http2-origin.ts'

/** What a backend speaks. */
export const backendKinds = ['clear', 'tls', 'unix', 'h2c', 'h2'] as const
export type BackendKind = (typeof backendKinds)[number]

export interface OriginHost {
  /** It says so in `X-Origin`. */
  readonly name: string
  /** A request is there, whole. */
  onComplete(plan: Plan, upload: { readonly bytes: number; readonly hash: string }): void
  /** What the PROXY header of the connection said is not so, in words. */
  onWrong(words: string): void
  /** The end of each upload brings its trailers; false: some have none, as what is gathered first. */
  readonly trailed: boolean
  /** While it is not there, answers wait. */
  readonly awake: () => Promise<void> | undefined
}

export interface OriginOptions extends Omit<OriginHost, 'awake'> {
  readonly kind: BackendKind
  readonly certificate: { readonly cert: string; readonly key: string }
  /** How long it takes before it begins with TLS. */
  readonly tlsAfterMs: number
  /** Over TLS: false breaks off each handshake that offers a session, by an alert or without. */
  readonly resumes: boolean
  /** Connections begin with a PROXY header. */
  readonly proxied: boolean
  /** Where it listens, when by a path. */
  readonly path: string
}

export interface CombinationOrigin {
  /** Where TCP is spoken it listens on `127.0.0.2` too, on the same port. */
  readonly address: string
  /** Takes no more connections; those that are open end (`freezes`: no answer comes any more) until `comeUp`. */
  goDown(freezes: boolean): Promise<void>
  comeUp(): Promise<void>
  /** Handshakes broken off. */
  readonly refused: number
  close(): void
}

/** An alert (RFC 8446 §6.2). */
const HANDSHAKE_FAILURE = Buffer.from([0x15, 3, 3, 0, 2, 2, 40])

/** A backend that does with each request what its plan says. */
export async function combinationOrigin(options: OriginOptions): Promise<CombinationOrigin> {
  const { kind, certificate } = options
  const sockets = new Set<Socket>()
  let asleep: Promise<void> | undefined
  let wake: (() => void) | undefined
  let refused = 0
  const sleeping: OriginHost = { ...options, awake: () => asleep }
  const http2 = kind === 'h2c' ? createHttp2() : kind === 'h2' ? createSecureServer(certificate) : undefined
  if (http2 !== undefined) serveHttp2(http2, sleeping)
  const accept = (raw: Socket): void => {
    sockets.add(raw)
    raw.once('close', () => sockets.delete(raw))
    raw.on('error', () => {})
    const begin = (told: ToldTls | undefined): void => {
      const host = options.proxied ? checking(sleeping, told) : sleeping
      if (kind !== 'tls' && kind !== 'h2') return serve(raw, http2, host)
      raw.pause()
      setTimeout(() => secure(host), options.tlsAfterMs)
    }
    const secure = (host: OriginHost): void => {
      if (raw.destroyed) return
      if (options.resumes) return shake(host)
      // It is paused, so what has come waits to be read.
      raw.once('readable', () => {
        const hello = (raw.read() as Buffer | null) ?? Buffer.alloc(0)
        if (!offersSession(hello)) {
          if (hello.length > 0) raw.unshift(hello)
          return shake(host)
        }
        if (refused++ % 2 === 0) raw.destroy()
        else raw.end(HANDSHAKE_FAILURE, () => raw.destroy())
      })
    }
    const shake = (host: OriginHost): void => {
      if (http2 !== undefined) return void http2.emit('connection', raw)
      const socket = new TLSSocket(raw, { isServer: true, ...certificate })
      socket.on('error', () => {})
      new Http1Served(socket, host)
    }
    if (options.proxied) afterProxyHeader(raw, begin)
    else begin(undefined)
  }
  const path = kind === 'unix' ? options.path : undefined
  const { servers, port } = await listeningTwice(
    () => createServer({ allowHalfOpen: http2 === undefined }, accept),
    path
  )
  return {
    address: path === undefined ? `127.0.0.1:${port}` : `unix:${path}`,
    get refused() {
      return refused
    },
    async goDown(freezes) {
      if (!servers[0]!.listening) return
      for (const server of servers) server.close()
      if (freezes) asleep ??= new Promise((resolve) => (wake = resolve))
      else {
        for (const socket of sockets) {
          if (kind === 'clear') resetSocket(socket)
          else socket.destroy()
        }
      }
      await pause(0)
    },
    async comeUp() {
      for (const [at, server] of servers.entries()) {
        for (let tries = 0; !server.listening; tries++) {
          try {
            await listening(server, path, HOSTS[at]!, port)
          } catch (error) {
            // For a moment another program may have the port.
            if (tries > 500) throw error
            await pause(10)
          }
        }
      }
      asleep = undefined
      wake?.()
    },
    close() {
      wake?.()
      for (const server of servers) server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

/** A connection is one client's, and its header says how that came in. */
function checking(host: OriginHost, told: ToldTls | undefined): OriginHost {
  return {
    name: host.name,
    trailed: host.trailed,
    awake: host.awake,
    onWrong: (words) => host.onWrong(words),
    onComplete(plan, upload) {
      const isTls = plan.door.endsWith('tls')
      const known = told !== undefined && /^TLSv1\.[23]$/.test(told.version) && told.cipher !== ''
      if (isTls ? !known : told !== undefined)
        host.onWrong(`PROXY header of ${plan.door}: ${JSON.stringify(told)}`)
      if (plan.bound === 'certificate' && isTls && told?.verified === false)
        host.onWrong(`PROXY header without the certificate: ${JSON.stringify(plan)}`)
      host.onComplete(plan, upload)
    }
  }
}

function serve(socket: Socket, http2: Http2Server | undefined, host: OriginHost): void {
  if (http2 === undefined) new Http1Served(socket, host)
  else http2.emit('connection', socket)
}

const HOSTS = ['127.0.0.1', '127.0.0.2'] as const

/** Listens by `path`, or else on both addresses at one port that is free on both. */
async function listeningTwice(
  make: () => Server,
  path: string | undefined
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  for (let tries = 0; ; tries++) {
    const first = make()
    await listening(first, path, HOSTS[0])
    if (path !== undefined) return { servers: [first], port: 0 }
    const { port } = first.address() as AddressInfo
    const second = make()
    try {
      await listening(second, undefined, HOSTS[1], port)
      return { servers: [first, second], port }
    } catch (error) {
      if (tries > 50) throw error
      first.close()
    }
  }
}

function listening(server: Server, path: string | undefined, host: string, port = 0): Promise<void> {
  return new Promise((resolve, reject) => {
    const told = (error?: Error): void => {
      server.off('listening', told).off('error', told)
      if (error === undefined) resolve()
      else reject(error)
    }
    server.on('listening', told).on('error', told)
    if (path === undefined) server.listen(port, host)
    else server.listen(path)
  })
}
