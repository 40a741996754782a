import type { UpstreamClient, UpstreamStream } from '../../forward/upstream-client.ts'

/** How a request is to be treated while it is under way. */
export interface SendOptions {
  /** FRAME_CHUNKED or the number of bytes of the request's body. */
  readonly framing: number
  /** The request has no body: it is complete with its head. */
  readonly complete: boolean
  readonly toHead: boolean
  /** The protocols that Upgrade asks for, '' for none. */
  readonly upgrade: string
  readonly responseMs: number
  readonly idleMs: number
}

/** The connection, as its requests see it. */
export interface SentOn {
  sendBody(buffer: Buffer, start: number, end: number): boolean
  endBody(trailers: string): void
  flush(): boolean
  cancel(sent: Sent): void
  pause(): void
  resume(): void
}

/** A request on the connection, from its head to the end of its response. */
export class Sent implements UpstreamStream {
  readonly connection: SentOn
  readonly options: SendOptions
  client: UpstreamClient
  complete: boolean

  constructor(connection: SentOn, client: UpstreamClient, options: SendOptions) {
    this.connection = connection
    this.client = client
    this.options = options
    this.complete = options.complete
  }

  sendBody(buffer: Buffer, start: number, end: number): boolean {
    return this.connection.sendBody(buffer, start, end)
  }

  endBody(trailers: string): void {
    this.complete = true
    this.connection.endBody(trailers)
  }

  flush(): boolean {
    return this.connection.flush()
  }

  cancel(): void {
    this.connection.cancel(this)
  }

  pause(): void {
    this.connection.pause()
  }

  resume(): void {
    this.connection.resume()
  }
}
