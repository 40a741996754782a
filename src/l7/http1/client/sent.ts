import { soonInTurn, type Flushes } from '../../../core/end-of-turn.ts'
import type { DialFailure } from '../../../net/dial/dial-failure.ts'
import type { Outgoing } from '../../forward/forward-owner.ts'
import { unheard, type UpstreamClient, type UpstreamFailure } from '../../forward/upstream-client.ts'
import type { Response } from '../../message/response.ts'
import { StreamPatience } from '../../forward/stream-patience.ts'
import type { UpstreamStream, UpstreamTimes } from '../../forward/upstreams.ts'
import type { ConnectAttempt, ConnectionWaiter } from './dialling.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import { contain, guarded } from '../../../core/containment.ts'

/** The part of the connection that a request uses. */
export interface SentConnection {
  send(sent: Sent): void
  sendBody(buffer: Buffer, start: number, end: number): boolean
  endBody(trailers: string): void
  flush(): boolean
  cancel(sent: Sent): void
  pause(): void
  resume(): void
}

/** A request on its way over HTTP/1.1: from the wait for a connection to the end of its response. */
export class Sent implements UpstreamStream, ConnectionWaiter<SentConnection>, Flushes {
  readonly request: Outgoing
  readonly times: UpstreamTimes
  client: UpstreamClient
  /** The whole request has been sent. Written by `endBody` only. */
  complete: boolean
  dialling: ConnectAttempt | undefined
  /** The head of the response. */
  #head: Response | undefined
  #connection: SentConnection | undefined
  /** The request is written at the end of the turn, with the others that share the connection. */
  #batched = false
  /** `flushTurn` follows. */
  #gathered = false
  #bytes = 0
  #patience: StreamPatience | undefined

  constructor(client: UpstreamClient, request: Outgoing, times: UpstreamTimes) {
    this.client = client
    this.request = request
    this.times = times
    this.complete = request.bodyLength === 0
  }

  get isOpen(): boolean {
    return this.#connection !== undefined
  }

  /** Nothing of it has been written yet, so no bytes that come can answer it. */
  get unsent(): boolean {
    return this.#gathered && this.request.bodyLength === 0
  }

  /** Sets the connection that the request uses. */
  use(connection: SentConnection, batched: boolean): void {
    this.#connection = connection
    this.#batched = batched
    connection.send(this)
  }

  onConnection(connection: SentConnection): void {
    this.dialling = undefined
    this.use(connection, false)
    this.client.onOpen()
  }

  onConnectFailure(failure: DialFailure, reason: string): void {
    this.dialling = undefined
    this.client.onOpenFailure(failure, reason)
  }

  onInternalError(error: unknown): string | undefined {
    return this.client.onInternalError?.(error)
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start
    return this.#connection!.sendBody(buffer, start, end)
  }

  endBody(trailers: string, bytes: number): string | undefined {
    const { bodyLength } = this.request
    if (bytes !== this.#bytes || (bodyLength >= 0 && bodyLength !== bytes)) {
      return `${this.#bytes} of ${bodyLength >= 0 ? bodyLength : bytes} bytes of the body were sent`
    }
    this.complete = true
    this.#connection!.endBody(trailers)
    return undefined
  }

  answered(head: Response): void {
    this.#head = head
    this.client.onResponse(head)
  }

  /** The response is silent: how much longer to wait for it, in ms. `bytes`: received so far on the connection. */
  patience(bytes: number): number {
    return (this.#patience ??= new StreamPatience()).more(this.#head, this.times, bytes)
  }

  flush(): boolean {
    const connection = this.#connection
    if (this.#batched || connection === undefined) return true
    if (!this.complete) return connection.flush()
    // Nothing follows that the write could be gathered with.
    if (!this.#gathered) {
      this.#gathered = true
      soonInTurn(this)
    }
    return true
  }

  flushTurn(): void {
    this.#gathered = false
    this.#connection?.flush()
  }

  cancel(): void {
    this.client = unheard
    this.dialling?.cancel()
    this.dialling = undefined
    this.#connection?.cancel(this)
  }

  pause(): void {
    this.#connection?.pause()
  }

  resume(): void {
    this.#connection?.resume()
  }
}

/** The head of a request in HTTP/1.1 (RFC 9112 §3): request line, Host, fields, framing, Connection. */
export function requestHead(request: Outgoing): string {
  const { method, path, authority, headers } = request
  return `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n${headers.text}${connectionLines(request)}\r\n`
}

function connectionLines({ bodyLength, method, upgrade, acceptsTrailers }: Outgoing): string {
  let lines = ''
  if (bodyLength === UNKNOWN_LENGTH) lines = 'Transfer-Encoding: chunked\r\n'
  else if (bodyLength > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH') {
    lines = `Content-Length: ${bodyLength}\r\n`
  }
  if (upgrade !== '') lines += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`
  else if (acceptsTrailers) lines += 'Connection: TE\r\nTE: trailers\r\n'
  return lines
}

/** The requests under way on one connection, in the order in which they will be answered. */
export class Line {
  /**
   * The request whose response is being read. A field of its own, since without pipelining there is no other: an array
   * costs 100 ns more.
   */
  #first: Sent | undefined
  readonly #others: Sent[] = []

  get first(): Sent | undefined {
    return this.#first
  }

  get length(): number {
    return this.#first === undefined ? 0 : 1 + this.#others.length
  }

  push(sent: Sent): void {
    if (this.#first === undefined) this.#first = sent
    else this.#others.push(sent)
  }

  shift(): Sent | undefined {
    const first = this.#first
    this.#first = this.#others.length === 0 ? undefined : this.#others.shift()
    return first
  }

  /** False when it was not in the line. */
  remove(sent: Sent): boolean {
    if (sent === this.#first) return this.shift() !== undefined
    const at = this.#others.indexOf(sent)
    if (at !== -1) this.#others.splice(at, 1)
    return at !== -1
  }

  /** Empties it. */
  #all(): Sent[] {
    const all = this.#first === undefined ? [] : [this.#first, ...this.#others]
    this.#first = undefined
    this.#others.length = 0
    return all
  }

  /** `clean` holds for the first request; those behind it have had no byte of a response. */
  fail(failure: UpstreamFailure, reason: string, clean: boolean): void {
    this.#all().forEach(({ client }, at) => {
      try {
        if (at === 0) client.onFailure(failure, reason, clean)
        else client.onFailure('reset', reason, true)
      } catch (error) {
        contain(error, client)
      }
    })
  }

  /**
   * A callback of `current` threw, which ends its exchange only. The framing is in doubt, so the others are tried on other
   * connections.
   */
  crash(error: unknown, current: Sent | undefined): string | undefined {
    const others = this.#all().filter((sent) => sent !== current)
    const listener = current?.client.onInternalError?.(error)
    for (const { client } of others) {
      guarded(() => client.onFailure('reset', 'closed for an earlier request', true), client)
    }
    return listener
  }

  drained(): void {
    // A copy, since the callbacks may change the line.
    const all = this.#first === undefined ? [] : [this.#first, ...this.#others]
    for (const { client } of all) {
      try {
        client.onUpstreamDrain()
      } catch (error) {
        contain(error, client)
      }
    }
  }
}
