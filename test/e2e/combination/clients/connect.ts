import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Plan } from '../plan.ts'
import type { Answer } from './answer.ts'
import { AsksFirst, type Questions } from './asks-first.ts'
import { askHttp1 } from './http1-client.ts'
import { askHttp2 } from './http2-client.ts'

export interface Pair {
  readonly cert: string
  readonly key: string
}

/** Where an lb of these tests listens. */
export interface Doors {
  readonly clear: number
  readonly tls: number
  readonly unix: string
  readonly l4: number
  readonly l4Tls: number
  readonly ca: string
  /** Of a client, and one of an authority that lb does not know. */
  readonly own: Pair
  readonly foreign: Pair
  /** Every client shows a certificate. */
  readonly shows: boolean
  /** Handshakes that came with an OCSP response, and those without one that began after such a one. */
  readonly staples: { got: number; missing: number }
  readonly questions: Questions
}

/** How a client comes in. */
export const clientKinds = [
  'clear',
  'tls',
  'unix',
  'l4',
  'l4-tls',
  'l4-asks-tls',
  'h2',
  'h2-tls',
  'h2-unix'
] as const
export type ClientKind = (typeof clientKinds)[number]

/** A connection that speaks HTTP/1.1. `shows`: its certificate. */
export function dialHttp1(kind: ClientKind, doors: Doors, shown = shownIn(doors)): Socket {
  const own = shown ?? {}
  const socket =
    kind === 'tls'
      ? asksForStaple(
          connectTls({
            port: doors.tls,
            host: '127.0.0.1',
            ca: doors.ca,
            servername: 'localhost',
            requestOCSP: true,
            ...own
          }),
          doors
        )
      : kind === 'l4-tls'
        ? connectTls({ port: doors.l4Tls, host: '127.0.0.1', ca: doors.ca, servername: 'localhost', ...own })
        : kind === 'l4-asks-tls'
          ? connectTls({
              socket: new AsksFirst(connect(doors.l4Tls, '127.0.0.1'), doors.questions),
              ca: doors.ca,
              servername: 'localhost',
              ...own
            })
          : kind === 'unix'
            ? connect(doors.unix)
            : connect({ port: kind === 'l4' ? doors.l4 : doors.clear, host: '127.0.0.1' })
  socket.on('error', () => {})
  socket.setNoDelay(true)
  return socket
}

function asksForStaple(socket: TLSSocket, { staples }: Doors): TLSSocket {
  const { got: before } = staples
  socket.once('OCSPResponse', (response: Buffer | null) => {
    if (response !== null && response.length > 0) staples.got++
    else if (before > 0) staples.missing++
  })
  return socket
}

/** One that speaks HTTP/2. */
export function dialHttp2(kind: ClientKind, doors: Doors, shown = shownIn(doors)): ClientHttp2Session {
  const host = '127.0.0.1'
  const own = shown ?? {}
  const socket =
    kind === 'h2-tls'
      ? connectTls({
          port: doors.tls,
          host,
          ca: doors.ca,
          servername: 'localhost',
          ALPNProtocols: ['h2'],
          ...own
        })
      : kind === 'h2-unix'
        ? connect(doors.unix)
        : connect({ port: doors.clear, host })
  const authority = kind === 'h2-tls' ? 'https://localhost' : 'http://lb.test'
  const session = connectHttp2(authority, {
    createConnection: () => socket,
    settings: { enablePush: false },
    // Node.js never gives back what it counts for uploads that are answered early, and opens no stream beyond 10 MB.
    maxSessionMemory: 10_000
  })
  session.on('error', () => {})
  sockets.set(session, socket)
  if (kind === 'h2-tls') endWhenGone(session)
  return session
}

const sockets = new WeakMap<ClientHttp2Session, Socket>()

/** `destroy` of a session alone waits until all that was written is read. */
export function leave(session: ClientHttp2Session): void {
  session.destroy()
  sockets.get(session)?.destroy()
}

/**
 * Where a write over TLS meets a reset, Node's HTTP/2 client reads no more and tells nobody (seen with strace: a write says
 * ECONNRESET, and nothing follows). The kernel knows no peer any more then.
 */
function endWhenGone(session: ClientHttp2Session): void {
  const timer = setInterval(() => {
    if (session.connecting || session.destroyed) return
    const { _handle } = session.socket as unknown as { _handle?: { getpeername(out: object): number } | null }
    if (_handle && _handle.getpeername({}) !== 0) session.destroy(undefined, constants.NGHTTP2_CANCEL)
  }, 500).unref()
  session.once('close', () => clearInterval(timer))
}

/** Bytes pass through as they come. */
export function isRelayed(kind: ClientKind): boolean {
  return kind.startsWith('l4')
}

export function isHttp2(kind: ClientKind): boolean {
  return kind.startsWith('h2')
}

export function ask(
  kind: ClientKind,
  doors: Doors,
  plans: readonly Plan[],
  atOnce: boolean
): Promise<Answer[]> {
  const shows = plans.some(({ bound }) => bound === 'certificate')
  const shown = plans[0]?.certificate === 'foreign' ? doors.foreign : shows ? doors.own : shownIn(doors)
  if (isHttp2(kind)) {
    const session = dialHttp2(kind, doors, shown)
    return askHttp2(session, plans, atOnce).finally(() => leave(session))
  }
  return askHttp1(dialHttp1(kind, doors, shown), plans, atOnce)
}

function shownIn({ shows, own }: Doors): Pair | undefined {
  return shows ? own : undefined
}
