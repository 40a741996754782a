import { ALNUM, FIELD_VALUE } from '../../message/chars.ts'
import { TOKEN, isBlank, knownTexts, latin1, valueEnd, valueStart } from '../../../core/latin1.ts'
import {
  BAD_FIELD_NAME,
  BAD_FIELD_VALUE,
  BAD_LINE_END,
  FOLDED,
  MORE,
  TOO_LARGE,
  TOO_MANY_FIELDS
} from './parse-failure.ts'
import { INITIALS, isWordOfProxy } from './proxy-word.ts'
import {
  SEEN_AUTHORIZATION,
  SEEN_DATE,
  SEEN_FORWARDED,
  SEEN_REQUEST_ID,
  SEEN_TRACEPARENT,
  SEEN_TRAILER,
  SEEN_HOPS,
  SEEN_X,
  SEEN_X_FORWARDED
} from '../../message/seen.ts'
import { nameBit } from '../../message/header-block.ts'
import { tidyLines } from './tidy-lines.ts'

const CR = 13
const LF = 10
const COLON = 58
const TAB = 9

/** Fields per head that may be cut out; a head with more is refused as one with too many fields. */
const MAX_CUTS = 1024

/**
 * Scans a field section (RFC 9112 §5) in one pass over the bytes: checks every byte, notes the positions of the fields
 * that concern this hop, and returns the others as one string. There is one scanner per thread: a scan starts and is
 * used within one call of a parser, and only strings are kept of it. About 1 ns per byte.
 */
export class FieldScanner {
  seen = 0
  nameBits = 0
  /** How often each field occurred, and where its last value is. */
  hostCount = 0
  hostStart = 0
  hostEnd = 0
  lengthCount = 0
  lengthStart = 0
  lengthEnd = 0
  lengthsDiffer = false
  codingCount = 0
  codingStart = 0
  codingEnd = 0
  /** Values of these fields, joined by ", " where they occurred more than once; '' for none. */
  connection = ''
  keepAlive = ''
  te = ''
  upgrade = ''
  expect = ''
  /** Authorization or Content-Type occurred twice; servers differ on which of the two counts. */
  repeated = false
  #authorizations = 0
  #types = 0
  /** There is white space around a value beyond the space after the colon. */
  #untidy = false
  #buffer: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  #cuts = new Int32Array(2 * MAX_CUTS)
  #cutCount = 0

  /**
   * Scans from `start` to the end of the empty line that ends the section, and returns that position, MORE, or a
   * failure. The section may not pass the position `limit`.
   */
  scan(buffer: Buffer, start: number, end: number, limit: number, maxFields: number): number {
    this.#reset(buffer, start)
    let fields = 0
    let p = start
    for (;;) {
      if (p >= end) return p >= limit ? TOO_LARGE : MORE
      const first = buffer[p]!
      if (first === CR) {
        if (p + 1 >= end) return MORE
        if (buffer[p + 1] !== LF) return BAD_LINE_END
        if (p + 2 > limit) return TOO_LARGE
        this.#end = p
        return p + 2
      }
      if (TOKEN[first] === 0) {
        if (first === LF) return BAD_LINE_END
        return isBlank(first) ? FOLDED : BAD_FIELD_NAME
      }
      const nameStart = p
      do p++
      while (p < end && TOKEN[buffer[p]!] === 1)
      if (p >= end) return p >= limit ? TOO_LARGE : MORE
      if (buffer[p] !== COLON) return buffer[p] === LF || buffer[p] === CR ? BAD_LINE_END : BAD_FIELD_NAME
      const nameEnd = p
      if (isBlank(buffer[p + 1]) && (buffer[p + 1] === TAB || isBlank(buffer[p + 2]))) this.#untidy = true
      do p++
      while (p < end && FIELD_VALUE[buffer[p]!] === 1)
      if (p >= end) return p >= limit ? TOO_LARGE : MORE
      if (buffer[p] !== CR) return buffer[p] === LF ? BAD_LINE_END : BAD_FIELD_VALUE
      if (isBlank(buffer[p - 1])) this.#untidy = true
      if (p + 1 >= end) return MORE
      if (buffer[p + 1] !== LF) return BAD_LINE_END
      if (p + 2 > limit) return TOO_LARGE
      // Not every field is cut, so there is always room for one more here.
      if (++fields > maxFields || this.#cutCount === MAX_CUTS) return TOO_MANY_FIELDS
      this.#note(nameStart, nameEnd, p)
      p += 2
    }
  }

  /**
   * The section as "Name: value\r\n" lines, without the fields that concern this hop only. White space around values
   * does not belong to them (RFC 9112 §5.1), but some servers treat it as if it did: it is not passed on.
   */
  text(): string {
    return this.#untidy ? tidyLines(this.#received()) : this.#received()
  }

  #received(): string {
    const all = latin1(this.#buffer, this.#start, this.#end)
    if (this.#cutCount === 0) return all
    let text = ''
    let from = 0
    for (let i = 0; i < this.#cutCount; i++) {
      const cut = this.#cuts[2 * i]! - this.#start
      if (cut > from) text += all.slice(from, cut)
      from = this.#cuts[2 * i + 1]! - this.#start
    }
    return from < all.length ? text + all.slice(from) : text
  }

  slice(start: number, end: number): string {
    return latin1(this.#buffer, start, end)
  }

  #reset(buffer: Buffer, start: number): void {
    this.#buffer = buffer
    this.#start = start
    this.#cutCount = 0
    this.seen = 0
    this.nameBits = 0
    this.hostCount = 0
    this.lengthCount = 0
    this.lengthsDiffer = false
    this.codingCount = 0
    this.connection = ''
    this.keepAlive = ''
    this.te = ''
    this.upgrade = ''
    this.expect = ''
    this.repeated = false
    this.#authorizations = 0
    this.#types = 0
    this.#untidy = false
  }

  /** Sorts a field line by the length of its name first: most lines cost one switch. */
  #note(nameStart: number, nameEnd: number, lineEnd: number): void {
    const first = this.#buffer[nameStart]!
    this.nameBits |= nameBit(first, nameEnd - nameStart)
    if (INITIALS[first & 31] === 1 && isWordOfProxy(this.#buffer, nameStart)) this.seen |= SEEN_X
    switch (nameEnd - nameStart) {
      case 2:
        if (this.#is(nameStart, 'te')) {
          this.te = join(this.te, this.#value(nameEnd, lineEnd))
          this.#cut(nameStart, lineEnd)
        }
        break
      case 3:
      case 8:
        if (this.#is(nameStart, nameEnd - nameStart === 3 ? 'via' : 'cdn-loop')) this.seen |= SEEN_HOPS
        break
      case 4:
        if (this.#is(nameStart, 'host')) {
          this.hostCount++
          this.hostStart = valueStart(this.#buffer, nameEnd + 1, lineEnd)
          this.hostEnd = valueEnd(this.#buffer, this.hostStart, lineEnd)
        } else if (this.#is(nameStart, 'date')) this.seen |= SEEN_DATE
        break
      case 5:
        // Not a field of HTTP, but CGI servers turn it into the variable HTTP_PROXY (httpoxy).
        if (this.#is(nameStart, 'proxy')) this.#cut(nameStart, lineEnd)
        break
      case 6:
        if (this.#is(nameStart, 'expect')) {
          this.expect = join(this.expect, this.#value(nameEnd, lineEnd))
          this.#cut(nameStart, lineEnd)
        }
        break
      case 7:
        if (this.#is(nameStart, 'upgrade')) {
          this.upgrade = join(this.upgrade, this.#value(nameEnd, lineEnd))
          this.#cut(nameStart, lineEnd)
        } else if (this.#is(nameStart, 'trailer')) this.seen |= SEEN_TRAILER
        break
      case 9:
        if (this.#is(nameStart, 'forwarded')) this.seen |= SEEN_FORWARDED
        break
      case 10:
        if (this.#is(nameStart, 'tracestate')) this.seen |= SEEN_TRACEPARENT
        else if (this.#is(nameStart, 'connection')) {
          this.connection = join(this.connection, this.#value(nameEnd, lineEnd))
          this.#cut(nameStart, lineEnd)
        } else if (this.#is(nameStart, 'keep-alive')) {
          this.keepAlive = this.#value(nameEnd, lineEnd)
          this.#cut(nameStart, lineEnd)
        }
        break
      case 11:
        if (this.#is(nameStart, 'traceparent')) this.seen |= SEEN_TRACEPARENT
        break
      case 12:
        if (this.#is(nameStart, 'x-request-id')) this.seen |= SEEN_REQUEST_ID
        else if (this.#is(nameStart, 'content-type')) this.repeated ||= ++this.#types > 1
        break
      case 13:
        if (this.#is(nameStart, 'authorization')) {
          this.seen |= SEEN_AUTHORIZATION
          this.repeated ||= ++this.#authorizations > 1
        }
        break
      case 14:
        if (this.#is(nameStart, 'content-length')) {
          this.#noteLength(nameEnd + 1, lineEnd)
          this.#cut(nameStart, lineEnd)
        } else if (this.#is(nameStart, 'http2-settings')) this.#cut(nameStart, lineEnd)
        else if (this.#isDisguised(nameStart, 'content', 'length')) this.#cut(nameStart, lineEnd)
        break
      case 15:
      case 16:
        if (this.#is(nameStart, 'x-forwarded-')) this.seen |= SEEN_X_FORWARDED
        else if (this.#is(nameStart, 'proxy-connection')) {
          // Not a standard field; old clients use it in the meaning of Connection.
          const value = this.#value(nameEnd, lineEnd)
          if (value.toLowerCase() === 'close') this.connection = join(this.connection, value)
          this.#cut(nameStart, lineEnd)
        }
        break
      case 17:
        if (this.#is(nameStart, 'transfer-encoding')) {
          this.codingCount++
          this.codingStart = valueStart(this.#buffer, nameEnd + 1, lineEnd)
          this.codingEnd = valueEnd(this.#buffer, this.codingStart, lineEnd)
          this.#cut(nameStart, lineEnd)
        } else if (this.#is(nameStart, 'x-forwarded-proto')) this.seen |= SEEN_X_FORWARDED
        else if (this.#isDisguised(nameStart, 'transfer', 'encoding')) this.#cut(nameStart, lineEnd)
        break
      case 18:
      case 19:
        if (this.#is(nameStart, nameEnd - nameStart === 18 ? 'proxy-authenticate' : 'proxy-authorization'))
          this.#cut(nameStart, lineEnd)
        else if (this.#is(nameStart, 'x-forwarded-server')) this.seen |= SEEN_X_FORWARDED
        break
    }
  }

  #noteLength(from: number, lineEnd: number): void {
    const start = valueStart(this.#buffer, from, lineEnd)
    const end = valueEnd(this.#buffer, start, lineEnd)
    const { lengthCount: count, lengthStart: first, lengthEnd: last } = this
    if (count > 0 && this.#buffer.compare(this.#buffer, first, last, start, end) !== 0)
      this.lengthsDiffer = true
    this.lengthCount++
    this.lengthStart = start
    this.lengthEnd = end
  }

  /** `name` is lower case letters, digits and hyphens: `| 32` maps no other character of TOKEN to those. */
  #is(at: number, name: string): boolean {
    for (let i = 0; i < name.length; i++) {
      if ((this.#buffer[at + i]! | 32) !== name.charCodeAt(i)) return false
    }
    return true
  }

  /** `Content_Length` and the like: CGI servers take them for the framing fields, other servers do not. */
  #isDisguised(at: number, first: string, second: string): boolean {
    const mark = at + first.length
    return this.#is(at, first) && ALNUM[this.#buffer[mark]!] === 0 && this.#is(mark + 1, second)
  }

  #cut(nameStart: number, lineEnd: number): void {
    this.#cuts[2 * this.#cutCount] = nameStart
    this.#cuts[2 * this.#cutCount + 1] = lineEnd + 2
    this.#cutCount++
  }

  #value(nameEnd: number, lineEnd: number): string {
    const start = valueStart(this.#buffer, nameEnd + 1, lineEnd)
    return knownTexts.read(this.#buffer, start, valueEnd(this.#buffer, start, lineEnd))
  }
}

const join = (before: string, value: string): string => (before === '' ? value : `${before}, ${value}`)
