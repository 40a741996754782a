import type { HeaderBlock } from '../../src/l7/message/header-block.ts'
import { ChunkedReader } from '../../src/l7/http1/parse/chunked-reader.ts'
import { MORE, parseFailure } from '../../src/l7/http1/parse/parse-failure.ts'
import { parsedRequest, parseRequest } from '../../src/l7/http1/parse/request-parser.ts'
import { parsedResponse, parseResponse } from '../../src/l7/http1/parse/response-parser.ts'
import { UNKNOWN_LENGTH } from '../../src/l7/message/body-length.ts'
import { splitTarget } from '../../src/l7/uri/target.ts'

/** What our parsers read in some bytes; the same facts as the oracle's, so that the two can be compared. */
export interface OurMessage {
  readonly method: string
  readonly target: string
  readonly status: number
  readonly minor: number
  readonly headers: readonly [name: string, value: string][]
  trailers: readonly [name: string, value: string][]
  body: string
  complete: boolean
}

export interface OurResult {
  readonly messages: readonly OurMessage[]
  /** Why no more is read: a refusal with its reason, the end of the connection, or that more bytes are needed. */
  readonly end: 'refused' | 'closed' | 'more'
  readonly reason: string
}

export const LIMITS = { headBytes: 16_384, headerCount: 100, urlBytes: 8_192 }

/** Reads requests as a connection does: head after head from what has come, bodies by their framing. */
export function ourRequests(pieces: readonly Uint8Array[]): OurResult {
  const run = new Run(pieces)
  for (;;) {
    const after = run.readHead((buffer, start, end) => parseRequest(buffer, start, end, LIMITS))
    if (after === undefined) return run.result
    const head = parsedRequest()
    const { method, target, version } = head
    const minor = version === '1.0' ? 0 : 1
    if (splitTarget(method, target) === undefined) return run.stop('refused', 'a target without a known form')
    const message = run.begin({ method, target, status: 0, minor, headers: fieldsOf(head.headers) })
    if (method === 'CONNECT') {
      // The engine refuses it; what follows is no HTTP.
      message.complete = true
      return run.stop('closed', 'CONNECT')
    }
    if (!run.readBody(message, head.bodyLength === UNKNOWN_LENGTH ? 'chunked' : head.bodyLength))
      return run.result
    if (!head.keepAlive || head.upgrade !== '') return run.stop('closed', '')
  }
}

/** Reads responses as they come from a backend; `head`: all are to HEAD requests. */
export function ourResponses(pieces: readonly Uint8Array[], toHead: boolean): OurResult {
  const run = new Run(pieces)
  for (;;) {
    const after = run.readHead((buffer, start, end) => parseResponse(buffer, start, end, toHead))
    if (after === undefined) return run.result
    const head = parsedResponse()
    const message = run.begin({
      method: '',
      target: '',
      status: head.status,
      minor: 1,
      headers: fieldsOf(head.headers)
    })
    const bodiless = toHead || head.status < 200 || head.status === 204 || head.status === 304
    const length = bodiless ? 0 : head.chunked ? 'chunked' : head.untilClose ? 'until-close' : head.bodyLength
    if (!run.readBody(message, length)) return run.result
    if ((!head.keepAlive && head.status >= 200) || head.status === 101) return run.stop('closed', '')
  }
}

class Run {
  readonly #pieces: readonly Uint8Array[]
  readonly #messages: OurMessage[] = []
  #next = 0
  #buffer: Buffer = Buffer.alloc(0)
  #at = 0
  result: OurResult = { messages: this.#messages, end: 'more', reason: '' }

  constructor(pieces: readonly Uint8Array[]) {
    this.#pieces = pieces
  }

  readHead(parse: (buffer: Buffer, start: number, end: number) => number): number | undefined {
    for (;;) {
      const after = parse(this.#buffer, this.#at, this.#buffer.length)
      if (after < 0) {
        this.stop('refused', parseFailure(after).reason)
        return undefined
      }
      if (after !== MORE) {
        this.#at = after
        return after
      }
      if (!this.#more()) return undefined
    }
  }

  begin(message: Pick<OurMessage, 'method' | 'target' | 'status' | 'minor' | 'headers'>): OurMessage {
    const whole: OurMessage = { ...message, trailers: [], body: '', complete: false }
    this.#messages.push(whole)
    return whole
  }

  /** False when the bytes ran out or were refused. */
  readBody(message: OurMessage, length: number | 'chunked' | 'until-close'): boolean {
    if (length === 'chunked') return this.#readChunked(message)
    let left = length === 'until-close' ? Infinity : length
    while (left > 0) {
      const taken = Math.min(left, this.#buffer.length - this.#at)
      message.body += this.#buffer.toString('latin1', this.#at, this.#at + taken)
      this.#at += taken
      left -= taken
      if (left > 0 && !this.#more()) return false
    }
    message.complete = true
    return true
  }

  stop(end: OurResult['end'], reason: string): OurResult {
    this.result = { messages: this.#messages, end, reason }
    return this.result
  }

  #readChunked(message: OurMessage): boolean {
    const reader = new ChunkedReader()
    const sink = {
      onChunkData: (buffer: Buffer, start: number, end: number) =>
        void (message.body += buffer.toString('latin1', start, end)),
      onChunkEnd: (trailers: string) => {
        message.trailers = lines(trailers)
        message.complete = true
      }
    }
    for (;;) {
      const after = reader.read(this.#buffer, this.#at, this.#buffer.length, sink)
      if (after < 0) {
        this.stop('refused', parseFailure(after).reason)
        return false
      }
      this.#at = after
      if (reader.done) return true
      if (!this.#more()) return false
    }
  }

  #more(): boolean {
    const piece = this.#pieces[this.#next++]
    if (piece === undefined) return false
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), piece])
    this.#at = 0
    return true
  }
}

function fieldsOf(headers: HeaderBlock): [string, string][] {
  const fields: [string, string][] = []
  headers.forEach((name, value) => fields.push([name, value]))
  return fields
}

function lines(text: string): [string, string][] {
  return text
    .split('\r\n')
    .slice(0, -1)
    .map((line) => [
      line.slice(0, line.indexOf(':')),
      line.slice(line.indexOf(':') + 1).replace(/^[ \t]+|[ \t]+$/g, '')
    ])
}
