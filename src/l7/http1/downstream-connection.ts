import { splice, type Splice } from '../../l4/splice.ts'
import type { Waits } from '../../core/deadlines.ts'
import { localEndpoint, remoteEndpoint } from '../../net/endpoint.ts'
import type { Transport, TransportOwner } from '../../net/transport.ts'
import type { DownstreamStream } from '../downstream-stream.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderBlock } from '../header-block.ts'
import { UNTIL_END } from '../response.ts'
import { BodyWriter, FRAME_CHUNKED, FRAME_CLOSE } from './body-writer.ts'
import type { ChunkSink } from './chunked-reader.ts'
import type { DownstreamHost } from './downstream-host.ts'
import type { Ends } from './entrance.ts'
import { parseFailure } from './parse-failure.ts'
import { parsedRequest, parseRequest } from './request-parser.ts'
import { RequestBody } from './request-body.ts'
import { responseHead } from './response-head.ts'
import type { UpstreamHead } from './response-parser.ts'

/** Bytes kept of what a client sends ahead: pipelined requests, or a body that nobody takes yet. */
const AHEAD_BYTES = 65_536
/** How long a client may read the last response, after which the connection is closed whatever it sends. */
const LINGER_MS = 2_000
/** After a client's FIN a response that makes no progress for this long is given up: hardly anybody half-closes. */
const HALF_CLOSED_MS = 250
const LF = 10

/** A client's HTTP/1.x connection: one exchange at a time, in the order of the requests. */
export class DownstreamConnection implements TransportOwner, DownstreamStream, ChunkSink, Waits {
  readonly peer: string
  readonly scheme: 'http' | 'https'
  readonly transport: Transport
  readonly acceptedAt: number
  deadline = Infinity
  readonly #host: DownstreamHost
  readonly #ends: Ends | undefined
  readonly #writer: BodyWriter
  readonly #body = new RequestBody()
  #exchange: Exchange | undefined
  #tunnel: Splice | undefined
  /** Received and not read yet: part of a head, a body that waits, or requests ahead. */
  #input: Buffer | undefined
  #bodyFlows = false
  #consuming = false
  #paused = false
  #close = false
  #clientEnded = false
  #lingering = false
  #untilClose = false
  #declaredTrailers = false
  #countedIn = 0
  #countedOut = 0

  /** `ends`: as a PROXY header told them. */
  constructor(host: DownstreamHost, attach: (owner: TransportOwner) => Transport, ends?: Ends) {
    this.#host = host
    this.transport = attach(this)
    this.#writer = new BodyWriter(this.transport)
    this.#ends = ends
    this.peer = (ends === undefined ? remoteEndpoint(this.transport) : ends.source)?.address ?? ''
    this.scheme = 'encrypted' in this.transport.socket ? 'https' : 'http'
    this.acceptedAt = this.#now
    host.context.deadlines.add(this)
    this.deadline = this.#now + host.snapshot.config.timeouts.keepAliveMs
  }

  get ends(): Ends {
    return (
      this.#ends ?? { source: remoteEndpoint(this.transport), destination: localEndpoint(this.transport) }
    )
  }

  get idle(): boolean {
    return this.#exchange === undefined && this.#tunnel === undefined && this.#input === undefined
  }

  get reading(): boolean {
    return this.#consuming
  }

  get bodyComplete(): boolean {
    return this.#body.complete
  }

  /** No further exchange: an idle connection closes now, another one with its response. */
  drain(): void {
    if (this.idle && !this.#lingering) this.transport.destroy()
  }

  destroy(): void {
    if (this.#tunnel !== undefined) this.#tunnel.cut('shutdown')
    else this.transport.destroy()
  }

  // TransportOwner.

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#lingering) return
    const held = this.#input
    if (held === undefined) return this.#consume(buffer, start, end)
    const input = (this.#input = Buffer.concat([held, buffer.subarray(start, end)]))
    if (this.#exchange !== undefined) return this.#holdBack()
    // Without another line end the head cannot be complete, and reading it again would be quadratic.
    const { headBytes } = this.#host.snapshot.config.limits
    if (input.length < headBytes && buffer.subarray(start, end).indexOf(LF) === -1) return
    this.#input = undefined
    this.#consume(input, 0, input.length)
  }

  onEnd(): void {
    this.#clientEnded = true
    if (this.#lingering || this.#exchange === undefined) return this.transport.destroy()
    if (!this.#body.complete) {
      this.#close = true
      this.#exchange.fail('LB_BAD_REQUEST', 'the connection ended within the body')
    } else {
      this.deadline = this.#now + HALF_CLOSED_MS
    }
  }

  onDrain(): void {
    this.#writer.drained()
    if (this.#exchange === undefined) return
    this.deadline = this.#body.complete && !this.#clientEnded ? Infinity : this.#now + this.#idleMs
    this.#exchange.onDownstreamDrain()
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    const { context } = this.#host
    context.deadlines.remove(this)
    this.#count()
    const exchange = this.#exchange
    this.#exchange = undefined
    exchange?.onClientGone('LB_CLIENT_GONE', error?.code ?? 'closed')
    this.#host.closed(this)
  }

  onDeadline(): void {
    const exchange = this.#exchange
    if (exchange === undefined) {
      if (this.#input !== undefined && !this.#lingering) {
        this.#input = undefined
        return this.#refuse('LB_REQUEST_TIMEOUT', 'no complete head within timeouts.requestHeaders')
      }
      return this.transport.destroy()
    }
    if (this.#clientEnded) exchange.onClientGone('LB_CLIENT_GONE', 'closed its side')
    else if (!this.#writer.flowing) exchange.onClientGone('LB_IDLE', 'client reads nothing')
    else return exchange.fail('LB_REQUEST_TIMEOUT', 'client sends no body')
    this.#exchange = undefined
    this.transport.reset()
  }

  // Reading.

  #consume(buffer: Buffer, start: number, end: number): void {
    this.#consuming = true
    let p = start
    while (p < end && !this.#lingering && !this.transport.closed && this.#tunnel === undefined) {
      if (this.#exchange === undefined) {
        const limits = this.#host.snapshot.config.limits
        const after = parseRequest(buffer, p, end, limits)
        if (after < 0) {
          const { code, reason } = parseFailure(after)
          this.#refuse(code, reason)
          break
        }
        if (after === 0) {
          this.#hold(buffer, p, end)
          break
        }
        p = after
        this.#begin()
      } else if (!this.#body.complete && this.#bodyFlows) {
        this.deadline = this.#now + this.#idleMs
        const after = this.#body.read(buffer, p, end, this)
        if (after < 0) {
          const { code, reason } = parseFailure(after)
          this.#close = true
          this.#exchange?.fail(code, reason)
          break
        }
        p = after
      } else {
        this.#hold(buffer, p, end)
        break
      }
    }
    this.#exchange?.onRequestReadDone()
    this.#consuming = false
  }

  #begin(): void {
    const request = parsedRequest()
    this.#close = !request.keepAlive
    this.#body.begin(request.bodyLength)
    this.#bodyFlows = false
    this.#untilClose = false
    this.deadline = this.#body.complete ? Infinity : this.#now + this.#idleMs
    this.#exchange = this.#host.exchange(request, this)
    this.#host.begin(this.#exchange)
  }

  #hold(buffer: Buffer, start: number, end: number): void {
    this.#input = Buffer.from(buffer.subarray(start, end))
    if (this.#exchange !== undefined) this.#holdBack()
    // Absolute: a head that comes byte by byte has no more time than one that comes at once.
    else this.deadline = this.#now + this.#host.snapshot.config.timeouts.requestHeadersMs
  }

  #holdBack(): void {
    const waitsForBody = !this.#body.complete && !this.#bodyFlows
    if (waitsForBody || (this.#input?.length ?? 0) >= AHEAD_BYTES) this.#pause()
  }

  #pause(): void {
    this.#paused = true
    this.transport.pause()
  }

  #readOn(): void {
    const input = this.#input
    if (input !== undefined && !this.#consuming) {
      this.#input = undefined
      this.#consume(input, 0, input.length)
    }
    if (this.#paused && this.#input === undefined) {
      this.#paused = false
      this.transport.resume()
    }
  }

  // ChunkSink: the request's body.

  onChunkData(buffer: Buffer, start: number, end: number): void {
    this.#exchange?.onRequestBody(this.transport, buffer, start, end)
  }

  onChunkEnd(trailers: string): void {
    if (this.#writer.flowing) this.deadline = Infinity
    this.#exchange?.onRequestEnd(trailers)
  }

  // DownstreamStream.

  startBody(): void {
    this.#bodyFlows = true
    this.#readOn()
  }

  pauseBody(): void {
    if (this.#body.complete) return
    this.#bodyFlows = false
    this.deadline = Infinity
    this.#pause()
  }

  resumeBody(): void {
    if (this.#body.complete || this.#bodyFlows) return
    this.deadline = this.#now + this.#idleMs
    this.startBody()
  }

  sendInterim(status: number, reason: string, headers: HeaderBlock): void {
    // RFC 9110 §15.2: an HTTP/1.0 client knows no interim responses.
    if (this.#exchange?.request.minor === 0) return
    this.#writer.text(`HTTP/1.1 ${status} ${reason}\r\n${headers.text}\r\n`)
  }

  sendHead(status: number, reason: string, fields: string, length: number, trailers: boolean): void {
    const minor = this.#exchange?.request.minor ?? 1
    this.#untilClose = length === UNTIL_END && minor === 0
    this.#declaredTrailers = trailers
    const broken = !this.#body.complete && !this.#bodyFlows
    if (this.#untilClose || this.#host.context.draining || this.#clientEnded || broken) this.#close = true
    const framing = this.#untilClose
      ? FRAME_CLOSE
      : length === UNTIL_END
        ? FRAME_CHUNKED
        : Math.max(length, 0)
    this.#writer.head(responseHead(status, reason, fields, length, minor, this.#close), framing)
  }

  sendBody(source: Transport, buffer: Buffer, start: number, end: number): void {
    this.#writer.body(source, buffer, start, end)
  }

  sendOwned(bytes: Uint8Array): void {
    this.#writer.body(undefined, bytes as Buffer, 0, bytes.length)
  }

  sendEnd(trailers: string): void {
    this.#writer.end(this.#declaredTrailers ? trailers : '')
    this.#writer.flush()
    this.#exchange = undefined
    this.#count()
    if (this.#close || !this.#body.complete) return this.#linger()
    this.deadline = this.#now + this.#host.snapshot.config.timeouts.keepAliveMs
    this.#readOn()
  }

  flush(): boolean {
    if (this.transport.closed) return true
    const flowing = this.#writer.flush()
    if (this.#exchange !== undefined) {
      if (this.#clientEnded) this.deadline = this.#now + HALF_CLOSED_MS
      else if (!flowing) this.deadline = this.#now + this.#idleMs
    }
    return flowing
  }

  abort(): void {
    this.#exchange = undefined
    this.#writer.flush()
    // Only a reset tells that a body which lasts until the connection closes is not whole.
    if (this.#untilClose) this.transport.reset()
    else this.transport.destroy()
  }

  tunnel(
    head: UpstreamHead,
    fields: string,
    upstream: Transport,
    rest: Buffer,
    onEnd: (failed: boolean) => void
  ): void {
    const { context, snapshot } = this.#host
    this.#writer.text(
      `HTTP/1.1 101 ${head.reason}\r\n${fields}Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n\r\n`
    )
    this.#writer.flush()
    if (rest.length > 0) this.transport.sendOwned(rest)
    const ahead = this.#input
    this.#input = undefined
    this.#exchange = undefined
    context.deadlines.remove(this)
    const idleMs = snapshot.config.timeouts.tunnelMs
    const options = {
      deadlines: context.deadlines,
      idleMs,
      halfCloseMs: snapshot.config.timeouts.idleMs,
      counters: { in: context.bytesIn, out: context.bytesOut }
    }
    const held = { bytes: ahead === undefined ? [] : [ahead], ended: this.#clientEnded }
    this.#tunnel = splice(
      this.transport,
      upstream,
      options,
      (end) => {
        onEnd(end.reason === 'upstream-reset')
        this.#host.closed(this)
      },
      held
    )
  }

  /** Answers what could not be read as a request, and closes. */
  #refuse(code: Parameters<DownstreamHost['refusal']>[1], reason: string): void {
    const { status, fields, body } = this.#host.refusal(this, code, reason)
    this.#writer.head(responseHead(status, '', fields, body.length, 1, true) + body, 0)
    this.#writer.flush()
    this.#linger()
  }

  /**
   * Closes so that the client can read the last response: FIN, then what it still sends is thrown away for a while.
   * Closing with unread bytes would send a RST, which takes the response from the client (RFC 9112 §9.6).
   */
  #linger(): void {
    this.#lingering = true
    this.#input = undefined
    this.transport.end()
    if (this.#clientEnded) return this.transport.destroy()
    this.deadline = this.#now + LINGER_MS
    if (this.#paused) this.transport.resume()
  }

  /** Tells the metrics what passed since the last time. */
  #count(): void {
    const { bytesIn, bytesOut } = this.transport
    this.#host.context.bytesIn.add(bytesIn - this.#countedIn)
    this.#host.context.bytesOut.add(bytesOut - this.#countedOut)
    this.#countedIn = bytesIn
    this.#countedOut = bytesOut
  }

  get #now(): number {
    return this.#host.context.deadlines.now
  }

  get #idleMs(): number {
    return this.#host.snapshot.config.timeouts.idleMs
  }
}
