import { webSocketAccept } from '../../../../src/l7/message/websocket-accept.ts'
import type { Socket } from 'node:net'
import { ChunkedReader } from '../../../../src/l7/http1/parse/chunked-reader.ts'
import { write } from '../clients/http1-client.ts'
import { bytesOf, fieldOf, isForged, pause, trailersOf, type Plan } from '../plan.ts'
import type { OriginHost } from './origin.ts'
import { Upload } from './upload.ts'

/** One connection of HTTP/1.1 to a backend: requests one after the other. */
export class Http1Served {
  readonly #socket: Socket
  readonly #host: OriginHost
  #bytes = Buffer.alloc(0)
  #served = 0
  #plan: Plan | undefined
  #upload = new Upload(undefined)
  #left = 0
  #chunks: ChunkedReader | undefined
  #ended = false
  #writing = false
  #tunnel = false
  #peerEnded = false

  constructor(socket: Socket, host: OriginHost) {
    this.#socket = socket
    this.#host = host
    socket.on('data', (bytes: Buffer) => {
      if (this.#tunnel) return void socket.write(bytes)
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      void this.#read()
    })
    socket.on('end', () => {
      this.#peerEnded = true
      if (!this.#writing) socket.end()
    })
  }

  async #read(): Promise<void> {
    while (!this.#writing && !this.#ended) {
      if (this.#plan === undefined && !this.#readHead()) return
      if (this.#tunnel) return
      const plan = this.#plan!
      if (
        plan.closesKept &&
        this.#served > 0 &&
        this.#upload.received >= Math.min(plan.closesAfter, plan.upload)
      ) {
        return this.#close()
      }
      if (plan.early && plan.upload > 0) return void (await this.#answer(plan, true))
      if (!this.#readBody()) return
      this.#host.onComplete(plan, this.#upload.end())
      this.#plan = undefined
      if (plan.hangs) return void (this.#ended = true)
      await this.#answer(plan, false)
    }
  }

  #readHead(): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n')
    if (end === -1) return false
    const head = this.#bytes.toString('latin1', 0, end + 2)
    this.#bytes = this.#bytes.subarray(end + 4)
    if (fieldOf(head, 'upgrade') !== undefined) {
      this.#tunnel = true
      const accept = webSocketAccept(fieldOf(head, 'sec-websocket-key') ?? '')
      this.#socket.write(
        `HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
      )
      if (this.#bytes.length > 0) this.#socket.write(this.#bytes)
      return true
    }
    const plan = fieldOf(head, 'x-plan')
    if (plan === undefined) {
      this.#socket.write(`HTTP/1.1 204 X\r\nX-Origin: ${this.#host.name}\r\n\r\n`)
      return this.#readHead()
    }
    this.#plan = JSON.parse(plan) as Plan
    if (isForged(this.#plan, head)) this.#host.onWrong(`forged fields: ${head}`)
    this.#upload = new Upload(
      fieldOf(head, 'content-encoding'),
      fieldOf(head, 'x-turned-upload') !== undefined
    )
    this.#left = Number(fieldOf(head, 'content-length') ?? 0)
    this.#chunks = /\r\ntransfer-encoding: chunked\r\n/i.test(head) ? new ChunkedReader() : undefined
    return true
  }

  /** True once it is whole. */
  #readBody(): boolean {
    const take = (buffer: Buffer, start: number, end: number): void =>
      this.#upload.add(buffer.subarray(start, end))
    const bytes = this.#bytes
    if (this.#chunks === undefined) {
      const taken = Math.min(this.#left, bytes.length)
      take(bytes, 0, taken)
      this.#left -= taken
      this.#bytes = bytes.subarray(taken)
      return this.#left === 0
    }
    let done = false
    const sink = {
      onChunkData: take,
      onChunkEnd: (trailers: string) => {
        done = true
        const { chunkedUpload } = this.#plan!
        const meant = chunkedUpload ? trailersOf(this.#plan!) : ''
        if (trailers.toLowerCase() !== meant.toLowerCase() && (this.#host.trailed || trailers !== ''))
          this.#host.onWrong(`trailers ${JSON.stringify(trailers)} of ${JSON.stringify(this.#plan)}`)
      }
    }
    const after = this.#chunks.read(bytes, 0, bytes.length, sink)
    if (after < 0) throw new Error(`broken chunks from lb: ${after}`)
    this.#bytes = bytes.subarray(after)
    return done
  }

  async #answer(plan: Plan, early: boolean): Promise<void> {
    this.#writing = true
    this.#served++
    await this.#host.awake()
    const bodiless = plan.status === 204 || plan.status === 304
    const body = bodiless ? Buffer.alloc(0) : bytesOf(plan.id, plan.size)
    const close = plan.framing === 'close' || plan.closesAfterwards || early
    const pieces: (string | Buffer)[] = []
    for (let i = 0; i < plan.interim; i++) pieces.push('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
    let head = `HTTP/${plan.version} ${plan.status} X\r\nX-Id: ${plan.id}\r\nX-Origin: ${this.#host.name}\r\nX-Size: ${body.length}\r\nContent-Type: text/plain\r\nETag: "${plan.id}"\r\n${plan.answerFields}`
    if (plan.cacheControl !== '') head += `Cache-Control: ${plan.cacheControl}\r\n`
    if (close) head += 'Connection: close\r\n'
    if (!bodiless && plan.framing === 'length') head += `Content-Length: ${body.length}\r\n`
    if (!bodiless && plan.framing === 'chunked') head += 'Transfer-Encoding: chunked\r\n'
    if (plan.trails) head += 'Trailer: X-Sum\r\n'
    pieces.push(head + '\r\n')
    const cut = plan.cuts && body.length > 0 && plan.method !== 'HEAD'
    if (plan.method !== 'HEAD' && !bodiless) {
      const middle = body.length >> 1
      for (const part of [body.subarray(0, middle), cut ? '' : body.subarray(middle)]) {
        if (part.length === 0) continue
        if (plan.framing === 'chunked')
          pieces.push(`${part.length.toString(16)}${plan.padding}\r\n`, part, '\r\n')
        else pieces.push(part)
      }
      if (plan.framing === 'chunked' && !cut)
        pieces.push(`0${plan.padding}\r\n${plan.trails ? `X-Sum: ${plan.id}\r\n` : ''}\r\n`)
    }
    if (plan.answerPiece > 0) {
      const all = Buffer.concat(pieces.map((piece) => Buffer.from(piece as string)))
      await write(this.#socket, all, plan.answerPiece)
    } else if (plan.drip === 0) {
      this.#socket.cork()
      for (const piece of pieces) this.#socket.write(piece)
      this.#socket.uncork()
    } else {
      for (const piece of pieces) {
        this.#socket.write(piece)
        await pause(plan.drip)
      }
    }
    this.#writing = false
    if (close || cut || this.#peerEnded) this.#close()
  }

  #close(): void {
    this.#ended = true
    this.#socket.end()
  }
}
