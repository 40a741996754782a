import { HeaderBlock } from '../../message/header-block.ts'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import type { Response } from '../../message/response.ts'
import { FIELD_VALUE } from '../../message/chars.ts'
import { connectionOptions, CHUNKED, framingFailure, readFraming, UNDECLARED } from './framing.ts'
import { FieldScanner } from './field-scanner.ts'
import { latin1 } from '../../../core/latin1.ts'
import { BAD_LINE_END, BAD_STATUS_LINE, MORE, TOO_LARGE } from './parse-failure.ts'

/** A response head with what only the backend's connection needs. */
export interface UpstreamHead extends Response {
  readonly chunked: boolean
  /** Neither a length nor chunked: the body lasts until the connection closes. */
  readonly untilClose: boolean
  /** The connection may be used for another request once the body has ended. */
  readonly keepAlive: boolean
  /** Seconds of the Keep-Alive hint (`timeout=N`), or undefined. */
  readonly keepAliveSeconds: number | undefined
  readonly connectionNames: string
}

/** Response heads may be larger than requests': cookies and policies. */
export const RESPONSE_HEAD_BYTES = 65_536
export const RESPONSE_FIELDS = 500
/** Interim responses before the final one; a backend that sends more is broken. */
export const MAX_INTERIM = 32

const CR = 13
const LF = 10
const SPACE = 32
const PREFIX = 'HTTP/1.'

const fields = new FieldScanner()
let parsed: UpstreamHead | undefined

/** Parsed before. `text`: its fields as received, since the block of a head may be changed. */
interface Known {
  readonly head: UpstreamHead
  readonly text: string
  readonly nameBits: number
  readonly toHead: boolean
}

/** The head that the last call of `parseResponse` parsed. */
export function parsedResponse(): UpstreamHead {
  return parsed!
}

/**
 * Parses a response head (RFC 9112 §4, §5) from `buffer[start..end)`: returns the position after it, MORE, or a
 * failure. `toHead`: it answers a HEAD request, so it has no body whatever its fields say.
 */
export function parseResponse(buffer: Buffer, start: number, end: number, toHead: boolean): number {
  const size = known.find(buffer, start, end)
  if (size > 0 && known.found.toHead === toHead) {
    parsed = again(known.found)
    return start + size
  }
  const limit = start + RESPONSE_HEAD_BYTES
  let p = start
  for (let i = 0; i < PREFIX.length; i++, p++) {
    if (p >= end) return MORE
    if (buffer[p] !== PREFIX.charCodeAt(i)) return BAD_STATUS_LINE
  }
  if (p + 5 >= end) return MORE
  const digit = buffer[p]! - 48
  if (digit < 0 || digit > 9 || buffer[p + 1] !== SPACE) return BAD_STATUS_LINE
  // RFC 9110 §2.5: a later minor version is read as the latest that is known.
  const minor = digit > 1 ? 1 : digit
  const status = readStatus(buffer, p + 2)
  if (status < 100) return BAD_STATUS_LINE
  p += 5
  // RFC 9112 §4: the space before the reason is required; many servers omit both.
  let reason = ''
  if (buffer[p] === SPACE) {
    const reasonStart = ++p
    while (p < end && FIELD_VALUE[buffer[p]!] === 1) p++
    if (p >= end) return p >= limit ? TOO_LARGE : MORE
    reason = reasonText(buffer, status, reasonStart, p)
  }
  if (buffer[p] !== CR) return buffer[p] === LF ? BAD_LINE_END : BAD_STATUS_LINE
  if (p + 1 >= end) return MORE
  if (buffer[p + 1] !== LF) return BAD_LINE_END

  const headEnd = fields.scan(buffer, p + 2, end, limit, RESPONSE_FIELDS)
  if (headEnd <= 0) return headEnd
  const failure = complete(buffer, status, reason, minor, toHead)
  if (failure !== 0) return failure
  if (known.isWorth(headEnd - start))
    known.keep(buffer, start, headEnd, {
      head: parsed!,
      text: parsed!.headers.text,
      nameBits: fields.nameBits,
      toHead
    })
  return headEnd
}

function again({ head, text, nameBits }: Known): UpstreamHead {
  return {
    status: head.status,
    reason: head.reason,
    headers: new HeaderBlock(text, nameBits),
    bodyLength: head.bodyLength,
    chunked: head.chunked,
    untilClose: head.untilClose,
    keepAlive: head.keepAlive,
    keepAliveSeconds: head.keepAliveSeconds,
    upgrade: head.upgrade,
    connectionNames: head.connectionNames,
    seen: head.seen
  }
}

function complete(buffer: Buffer, status: number, reason: string, minor: number, toHead: boolean): number {
  // Responses without a body (RFC 9112 §6.3) are checked too: broken framing may be an attack.
  const framing = readFraming(buffer, fields, minor, true)
  const failure = framingFailure(framing)
  if (failure !== 0) return failure
  const bodiless = status < 200 || status === 204 || status === 304 || toHead
  const connection = connectionOptions(fields.connection)
  const keepAlive = minor === 1 ? !connection.close : connection.keepAlive && !connection.close
  // An interim response must be followed by another one on the connection.
  if (status < 200 && status !== 101 && !keepAlive) return BAD_STATUS_LINE
  parsed = {
    status,
    reason,
    headers: new HeaderBlock(fields.text(), fields.nameBits),
    bodyLength: framing >= 0 ? framing : UNKNOWN_LENGTH,
    chunked: framing === CHUNKED && !bodiless,
    untilClose: framing === UNDECLARED && !bodiless,
    keepAlive,
    keepAliveSeconds: fields.keepAlive === '' ? undefined : keepAliveHint(fields.keepAlive),
    upgrade: fields.upgrade,
    connectionNames: connection.names,
    seen: fields.seen
  }
  return 0
}

function keepAliveHint(value: string): number | undefined {
  const match = /timeout\s*=\s*"?(\d{1,9})/i.exec(value)
  return match === null ? undefined : Number(match[1])
}

function readStatus(buffer: Buffer, p: number): number {
  let status = 0
  for (let i = 0; i < 3; i++) {
    const digit = buffer[p + i]! - 48
    if (digit < 0 || digit > 9) return -1
    status = status * 10 + digit
  }
  return status
}

/** "OK" is most of the traffic: no string is made for it. */
function reasonText(buffer: Buffer, status: number, start: number, end: number): string {
  if (status === 200 && end - start === 2 && buffer[start] === 79 && buffer[start + 1] === 75) return 'OK'
  return latin1(buffer, start, end)
}

/** Longer heads are parsed each time. */
const MAX_BYTES = 1024
/** Different heads that are remembered. */
const PLACES = 4
/** After this many unknown heads in a row, lookups become rare: most backends have ids in their heads. */
const PATIENCE = 16
const NOW_AND_THEN = 63

/**
 * Remembers the last few heads that came twice, with the result of parsing them: a backend repeats the same head until
 * its Date changes. Finding a head takes a third of the time of parsing it; where heads do not repeat, hardly any
 * lookup is done.
 */
export class KnownHeads<Head> {
  readonly #bytes = Array.from({ length: PLACES }, () => new Uint8Array(MAX_BYTES))
  readonly #sizes = new Int32Array(PLACES)
  readonly #heads: (Head | undefined)[] = new Array<Head | undefined>(PLACES).fill(undefined)
  #next = 0
  /** The place of the head that was found last. */
  #last = 0
  /** Unknown heads since the last known one. */
  #misses = 0
  /** Size of the head that was parsed last. */
  #read = 0

  /** The size of a known head at `start`, or 0; then it is `found`. */
  find(buffer: Uint8Array, start: number, end: number): number {
    if (!this.#looks) {
      this.#misses++
      return 0
    }
    for (let i = 0; i < PLACES; i++) {
      const place = (this.#last + i) & (PLACES - 1)
      const size = this.#sizes[place]!
      if (size === 0 || size > end - start || !this.#isAt(place, size, buffer, start)) continue
      this.#last = place
      this.#misses = 0
      return size
    }
    this.#misses++
    return 0
  }

  get #looks(): boolean {
    return this.#misses < PATIENCE || (this.#misses & NOW_AND_THEN) < PLACES
  }

  get found(): Head {
    return this.#heads[this.#last]!
  }

  /** A head of `size` was parsed: returns whether to keep it, which is when the head before had the same size. */
  isWorth(size: number): boolean {
    const again = size === this.#read
    this.#read = size
    return again && size <= MAX_BYTES && this.#looks
  }

  /** Keeps `head`, which was parsed from these bytes. */
  keep(buffer: Uint8Array, start: number, end: number, head: Head): void {
    const place = this.#next
    this.#next = (place + 1) & (PLACES - 1)
    const bytes = this.#bytes[place]!
    for (let p = start; p < end; p++) bytes[p - start] = buffer[p]!
    this.#sizes[place] = end - start
    this.#heads[place] = head
  }

  #isAt(place: number, size: number, buffer: Uint8Array, start: number): boolean {
    // Most other heads have another length, and no line end here.
    const last = start + size - 1
    if (buffer[last] !== LF || buffer[last - 1] !== CR) return false
    const bytes = this.#bytes[place]!
    for (let i = 0; i < size; i++) if (buffer[start + i] !== bytes[i]) return false
    return true
  }
}

/** Those of this thread. */
const known = new KnownHeads<Known>()
