import { type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { ChunkedReader } from '../../../../src/l7/http1/parse/chunked-reader.ts'
import { resetSocket } from '../../../reset-socket.ts'
import { bytesSent, chunked, fieldOf, isBodiless, pause, trailersOf, type Plan } from '../plan.ts'
import { decoded, noAnswer, type Answer } from './answer.ts'

/** Sends `plans` over one connection: each after the answer to the one before, or all at once (pipelined). */
export async function askHttp1(
  socket: Socket,
  plans: readonly Plan[],
  pipelined: boolean
): Promise<Answer[]> {
  const answers = new Answers(socket)
  const all: Answer[] = []
  const sending = pipelined ? sendAll(socket, plans) : undefined
  const last = plans.at(-1)
  for (const plan of plans) {
    answers.slow = plan.slowReader
    const sent = pipelined ? undefined : send(socket, plan, plan === last)
    const answer = decoded(await answers.next(plan))
    all.push(answer)
    if (
      !answer.whole ||
      answer.byClose === true ||
      plan.stalls ||
      /\r\nconnection: close\r\n/i.test(answer.head)
    )
      break
    await sent
  }
  socket.destroy()
  await sending
  return all
}

async function sendAll(socket: Socket, plans: readonly Plan[]): Promise<void> {
  for (const plan of plans) {
    await send(socket, plan, plan === plans.at(-1))
    // What came next would be its body.
    if (plan.stalls) return
  }
}

async function send(socket: Socket, plan: Plan, isLast: boolean): Promise<void> {
  await sendWhole(socket, plan)
  if (plan.leaves === 'waiting') {
    await pause(plan.leavesAfterMs)
    leave(socket, plan)
  }
  // Within a body it would be the end of one that is not whole.
  if (isLast && plan.halfCloses && !plan.stalls) socket.end()
}

async function sendWhole(socket: Socket, plan: Plan): Promise<void> {
  const { host, otherHost, door } = plan
  const scheme = door.endsWith('tls') ? 'https' : 'http'
  const target = otherHost === '' ? plan.path : `${scheme}://${host}${plan.path}`
  let head = `${plan.method} ${target} HTTP/1.1\r\nHost: ${otherHost || host}\r\nX-Plan: ${JSON.stringify(plan)}\r\n${plan.fields}`
  const body = bytesSent(plan)
  if (plan.upload > 0) {
    if (plan.coding !== undefined) head += `Content-Encoding: ${plan.coding}\r\n`
    if (plan.grpcWeb) head += 'Content-Type: application/grpc-web+proto\r\n'
    if (plan.trails && plan.chunkedUpload) head += 'Trailer: X-Trail\r\n'
    head += plan.chunkedUpload ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${body.length}\r\n`
    if (plan.expects) head += 'Expect: 100-continue\r\n'
  }
  const began = performance.now()
  plan.headMs = Infinity
  await write(socket, Buffer.from(head + '\r\n', 'latin1'), plan.piece)
  plan.headMs = performance.now() - began
  if (plan.upload === 0) return
  if (plan.expects) await pause(20)
  if (plan.piece > 0 && plan.leaves === undefined && !plan.stalls)
    return write(socket, plan.chunkedUpload ? chunked(body, trailersOf(plan)) : body, plan.piece)
  const piece = Math.max(1, Math.ceil(body.length / 10))
  for (let at = 0; at < body.length && !socket.destroyed; at += piece) {
    await pause(plan.pieceMs)
    if (plan.stalls && at >= body.length / 2) return
    if (plan.leaves === 'sending' && at >= body.length / 2) return leave(socket, plan)
    const part = body.subarray(at, at + piece)
    if (!plan.chunkedUpload) socket.write(part)
    else
      socket.write(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]))
  }
  if (plan.chunkedUpload) socket.write(`0\r\n${trailersOf(plan)}\r\n`)
}

/** In pieces that are packets of their own, more or less. */
export async function write(socket: Socket, bytes: Buffer, piece: number): Promise<void> {
  if (piece === 0) return void socket.write(bytes)
  for (let at = 0; at < bytes.length && !socket.destroyed; at += piece) {
    socket.write(bytes.subarray(at, at + piece))
    if ((at / piece) % 16 === 0) await pause(0)
  }
}

function leave(socket: Socket, { resets }: Plan): void {
  const isTcp = socket.remoteAddress !== undefined && !(socket instanceof TLSSocket)
  if (resets && isTcp) resetSocket(socket)
  else socket.destroy()
}

/** Reads answers one after the other off a socket. */
class Answers {
  slow = false
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #closed = false
  #late = false
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes])
      this.#wake?.()
      if (!this.slow) return
      socket.pause()
      setTimeout(() => socket.resume(), 2)
    })
    socket.on('error', () => {})
    for (const event of ['end', 'close']) {
      socket.once(event, () => {
        this.#closed = true
        this.#wake?.()
      })
    }
  }

  async next(plan: Plan): Promise<Answer> {
    for (;;) {
      const head = await this.#head()
      if (head === undefined) return { ...noAnswer(plan), ...this.#lateness }
      const status = Number(head.slice(9, 12))
      if (status < 200) continue
      if (plan.leaves === 'reading') leave(this.#socket, plan)
      if (isBodiless(plan, status)) return { plan, status, head, body: Buffer.alloc(0), whole: true }
      if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return this.#chunked(plan, status, head)
      const length = fieldOf(head, 'content-length')
      const wanted = length === undefined ? Infinity : Number(length)
      const whole = await this.#until(() => this.#bytes.length >= wanted)
      const body = this.#bytes.subarray(0, wanted)
      this.#bytes = this.#bytes.subarray(body.length)
      return { plan, status, head, body, whole, byClose: length === undefined, ...this.#lateness }
    }
  }

  async #head(): Promise<string | undefined> {
    if (!(await this.#until(() => this.#bytes.includes('\r\n\r\n')))) return undefined
    const end = this.#bytes.indexOf('\r\n\r\n') + 4
    const head = this.#bytes.toString('latin1', 0, end)
    this.#bytes = this.#bytes.subarray(end)
    return head
  }

  async #chunked(plan: Plan, status: number, head: string): Promise<Answer> {
    const parts: Buffer[] = []
    // Layer 4 passes on what the backend wrote.
    const reader = new ChunkedReader(plan.door.startsWith('l4'))
    let whole = false
    let trailers = ''
    const sink = {
      onChunkData: (buffer: Buffer, start: number, end: number) =>
        void parts.push(Buffer.from(buffer.subarray(start, end))),
      onChunkEnd(lines: string) {
        whole = true
        trailers = lines
      }
    }
    do {
      const after = reader.read(this.#bytes, 0, this.#bytes.length, sink)
      if (after < 0) throw new Error('broken chunks to the client')
      this.#bytes = this.#bytes.subarray(after)
    } while (!whole && (await this.#until(() => this.#bytes.length > 0)))
    return { plan, status, head, body: Buffer.concat(parts), whole, trailers, ...this.#lateness }
  }

  get #lateness(): { readonly late?: true } {
    return this.#late ? { late: true } : {}
  }

  /** False: the connection ended before, or nothing came. */
  async #until(holds: () => boolean): Promise<boolean> {
    let late = Date.now() + 60_000
    let got = this.#bytes.length
    while (!holds()) {
      if (this.#closed) return false
      if (this.#bytes.length !== got) late = Date.now() + 60_000
      got = this.#bytes.length
      if (Date.now() > late) return !(this.#late = true)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        setTimeout(resolve, 1_000).unref()
      })
    }
    return true
  }
}
