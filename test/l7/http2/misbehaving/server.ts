import { createServer, type AddressInfo, type Socket } from 'node:net'
import { createSecureContext, TLSSocket, type SecureContextOptions } from 'node:tls'
import { once } from 'node:events'
import type { Test } from 'tap'
import { PREFACE } from '../../../../src/l7/http2/frames/codes.ts'
import { Decoder } from '../../../../src/l7/http2/hpack/decoder.ts'
import { frame, parseFrames, u32 } from '../wire.ts'

/** What a server sends to one request, however wrong. */
export type Move = (peer: Peer, id: number, tag: string) => void

/** One connection of lb, as its backend sees it. */
export class Peer {
  readonly socket: Socket
  /** What is below `socket` over TLS. */
  readonly #tcp: Socket
  readonly server: MisbehavingServer
  readonly #decoder = new Decoder()
  #held = Buffer.alloc(0)
  #prefaced = false
  #over = false
  readonly #paths = new Map<number, string>()

  constructor(socket: Socket, tcp: Socket, server: MisbehavingServer) {
    this.socket = socket
    this.#tcp = tcp
    this.server = server
    tcp.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => this.#read(bytes))
    socket.write(frame(4, 0, 0))
  }

  send(...parts: readonly Uint8Array[]): void {
    if (this.socket.writable && !this.#over) this.socket.write(Buffer.concat(parts))
  }

  /**
   * These bytes are the last ones. What another request wants of the connection afterwards is not done: libuv refuses a
   * reset while a FIN is being sent, and Node then never closes the handle.
   */
  sendLast(bytes: Uint8Array, then: 'destroy' | 'resetAndDestroy' | 'end'): void {
    if (this.#over) return
    this.#over = true
    const socket = then === 'resetAndDestroy' ? this.#tcp : this.socket
    this.socket.write(bytes, () => socket[then]())
  }

  #read(bytes: Buffer): void {
    this.#held = Buffer.concat([this.#held, bytes])
    if (!this.#prefaced) {
      if (this.#held.length < PREFACE.length) return
      this.#prefaced = true
      this.#held = this.#held.subarray(PREFACE.length)
    }
    let end = 0
    while (end + 9 <= this.#held.length && end + 9 + this.#held.readUIntBE(end, 3) <= this.#held.length)
      end += 9 + this.#held.readUIntBE(end, 3)
    const whole = this.#held.subarray(0, end)
    this.#held = this.#held.subarray(end)
    for (const { type, flags, id, payload } of parseFrames(whole)) {
      if (type === 4 && (flags & 1) === 0) this.send(frame(4, 1, 0))
      if (type === 6 && (flags & 1) === 0) this.send(frame(6, 1, 0, payload))
      if (type === 0 && payload.length > 0)
        this.send(frame(8, 0, 0, u32(payload.length)), frame(8, 0, id, u32(payload.length)))
      if (type === 1) {
        this.#decoder.decode(payload, 0, payload.length, 1e6, {
          onField: ({ name, value }) => void (name === ':path' && this.#paths.set(id, value))
        })
        this.server.began(this, id, this.#paths.get(id)!)
      }
      if (type <= 1 && (flags & 1) !== 0) this.server.ended(this, id, this.#paths.get(id)!)
    }
  }
}

/**
 * A server over HTTP/2 that does to each request what its path says: `/NAME/…`, at its head, or for `/NAME~/…` at its
 * end. To a path that it has seen before, and to other names, it answers as it should.
 */
export class MisbehavingServer {
  readonly peers = new Set<Peer>()
  /** Requests by path, and how often each came. */
  readonly seen = new Map<string, number>()
  connections = 0
  readonly #moves: Readonly<Record<string, Move>>
  readonly #plain: Move
  #port = 0

  constructor(moves: Readonly<Record<string, Move>>, plain: Move) {
    this.#moves = moves
    this.#plain = plain
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  /** With `tls`: over TLS. */
  async start(t: Test, tls?: SecureContextOptions): Promise<this> {
    const context = tls && createSecureContext(tls)
    const server = createServer((tcp) => {
      tcp.on('error', () => {})
      const secure = { isServer: true, secureContext: context!, ALPNProtocols: ['h2'] }
      const socket = context === undefined ? tcp : new TLSSocket(tcp, secure)
      const peer = new Peer(socket, tcp, this)
      this.connections++
      this.peers.add(peer)
      tcp.on('close', () => this.peers.delete(peer))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    this.#port = (server.address() as AddressInfo).port
    t.teardown(() => {
      for (const { socket } of this.peers) socket.destroy()
      server.close()
    })
    return this
  }

  began(peer: Peer, id: number, path: string): void {
    this.seen.set(path, (this.seen.get(path) ?? 0) + 1)
    const name = this.#nameOf(path)
    if (!name.endsWith('~')) this.#move(peer, id, path, name)
  }

  ended(peer: Peer, id: number, path: string): void {
    const name = this.#nameOf(path)
    if (name.endsWith('~')) this.#move(peer, id, path, name.slice(0, -1))
  }

  #nameOf(path: string): string {
    return decodeURIComponent(path.split('/')[1]!)
  }

  #move(peer: Peer, id: number, path: string, name: string): void {
    const move = this.seen.get(path) === 1 ? this.#moves[name] : undefined
    ;(move ?? this.#plain)(peer, id, path)
  }
}
