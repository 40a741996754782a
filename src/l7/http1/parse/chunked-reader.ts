import { TOKEN } from '../../../core/latin1.ts'
import { FIELD_VALUE, HEX } from '../../message/chars.ts'
import { FieldScanner } from './field-scanner.ts'
import { BAD_CHUNK, BAD_TRAILER, MORE } from './parse-failure.ts'

/** Receives the data of a chunked body, in pieces as they were read. */
export interface ChunkSink {
  onChunkData(buffer: Buffer, start: number, end: number): void
  /** The last chunk has come; `trailers` are "Name: value\r\n" lines, '' for none. */
  onChunkEnd(trailers: string): void
}

const SIZE = 0
const EXTENSION_NAME = 1
const EXTENSION_VALUE = 2
const EXTENSION_QUOTED = 3
const EXTENSION_ESCAPE = 4
const EXTENSION_AFTER_VALUE = 5
const SIZE_LF = 6
const DATA = 7
const DATA_CR = 8
const DATA_LF = 9
const TRAILER = 10
const DONE = 11
const EXTENSION_AFTER_NAME = 12

const TAB = 9
const CR = 13
const LF = 10
const SPACE = 32
const SEMICOLON = 59
const EQUALS = 61
const QUOTE = 34
const BACKSLASH = 92

/** 2^52: 13 hexadecimal digits. Leading zeros count. */
const SIZE_DIGITS = 13
/** All extensions of one body together (RFC 9112 §7.1.1 asks for a limit). */
const EXTENSION_BYTES = 4_096
const TRAILER_BYTES = 8_192
const TRAILER_FIELDS = 64

const trailerFields = new FieldScanner()

/**
 * Decodes chunked coding (RFC 9112 §7.1), however the bytes are split. Extensions are checked and dropped, as a
 * recipient that does not know them must do; sizes, line ends and trailers are parsed strictly. White space around the parts of a
 * chunk's first line, also behind a lone size, as old servers pad it, is skipped in responses (`padded`): of two proxies before us, one may
 * have read such a request otherwise.
 */
export class ChunkedReader {
  readonly #padded: boolean
  #state = SIZE
  #left = 0
  #digits = 0
  #extensionBytes = 0
  #trailer: Buffer | undefined

  constructor(padded = false) {
    this.#padded = padded
  }

  get done(): boolean {
    return this.#state === DONE
  }

  /** Continues reading; returns the position after the body, `end` when more is to come, or a failure. */
  read(buffer: Buffer, start: number, end: number, sink: ChunkSink): number {
    let p = start
    while (p < end) {
      if (this.#state === DATA) {
        const dataEnd = Math.min(end, p + this.#left)
        this.#left -= dataEnd - p
        if (this.#left === 0) this.#state = DATA_CR
        sink.onChunkData(buffer, p, dataEnd)
        p = dataEnd
        continue
      }
      if (this.#state === TRAILER) return this.#readTrailer(buffer, p, end, sink)
      if (!this.#step(buffer[p]!)) return BAD_CHUNK
      p++
    }
    return p
  }

  /** Takes one byte of the framing. False: it is malformed. */
  #step(c: number): boolean {
    if ((c === SPACE || c === TAB) && this.#padded && this.#skipsSpace()) return this.#countExtension(false)
    switch (this.#state) {
      case SIZE: {
        const digit = HEX[c]!
        if (digit >= 0) {
          if (++this.#digits > SIZE_DIGITS) return false
          this.#left = this.#left * 16 + digit
          return true
        }
        if (this.#digits === 0) return false
        return this.#afterExtension(c)
      }
      case EXTENSION_NAME:
        if (TOKEN[c] === 1) return this.#countExtension(true)
        // An extension has a name: `;` must not stand alone.
        if (!this.#named) return false
        if (c === EQUALS) {
          this.#named = false
          this.#state = EXTENSION_VALUE
          return this.#countExtension(false)
        }
        return this.#afterExtension(c)
      case EXTENSION_VALUE:
        if (TOKEN[c] === 1) return this.#countExtension(true)
        if (c === QUOTE && !this.#named) {
          this.#state = EXTENSION_QUOTED
          return this.#countExtension(false)
        }
        return this.#named && this.#afterExtension(c)
      case EXTENSION_QUOTED:
        if (c === BACKSLASH) this.#state = EXTENSION_ESCAPE
        else if (c === QUOTE) this.#state = EXTENSION_AFTER_VALUE
        return FIELD_VALUE[c] === 1 && this.#countExtension(false)
      case EXTENSION_ESCAPE:
        this.#state = EXTENSION_QUOTED
        return FIELD_VALUE[c] === 1 && this.#countExtension(false)
      case EXTENSION_AFTER_NAME:
        if (c !== EQUALS) return this.#afterExtension(c)
        this.#named = false
        this.#state = EXTENSION_VALUE
        return this.#countExtension(false)
      case EXTENSION_AFTER_VALUE:
        return this.#afterExtension(c)
      case SIZE_LF:
        if (c !== LF) return false
        this.#state = this.#left === 0 ? TRAILER : DATA
        this.#digits = 0
        return true
      case DATA_CR:
        this.#state = DATA_LF
        return c === CR
      case DATA_LF:
        this.#state = SIZE
        return c === LF
      default:
        return false
    }
  }

  /** RFC 9112 §7.1.1: BWS before and behind `;` and `=`. False: white space has no place here, or is text between quotes. */
  #skipsSpace(): boolean {
    switch (this.#state) {
      case SIZE:
        if (this.#digits === 0) return false
        this.#state = EXTENSION_AFTER_VALUE
        return true
      case EXTENSION_NAME:
        if (this.#named) this.#state = EXTENSION_AFTER_NAME
        return true
      case EXTENSION_VALUE:
        if (this.#named) this.#state = EXTENSION_AFTER_VALUE
        return true
      case EXTENSION_AFTER_NAME:
      case EXTENSION_AFTER_VALUE:
        return true
      default:
        return false
    }
  }

  /** Whether the extension name or value being read has a character yet. */
  #named = false

  #afterExtension(c: number): boolean {
    this.#named = false
    if (c === CR) {
      this.#state = SIZE_LF
      return true
    }
    if (c !== SEMICOLON) return false
    this.#state = EXTENSION_NAME
    return this.#countExtension(false)
  }

  #countExtension(named: boolean): boolean {
    if (named) this.#named = true
    return ++this.#extensionBytes <= EXTENSION_BYTES
  }

  #readTrailer(buffer: Buffer, p: number, end: number, sink: ChunkSink): number {
    // The usual case: no trailers, and the last CR LF is here.
    if (this.#trailer === undefined && end - p >= 2 && buffer[p] === CR && buffer[p + 1] === LF) {
      return this.#finish('', p + 2, sink)
    }
    const before = this.#trailer?.length ?? 0
    const section =
      before === 0 ? buffer.subarray(p, end) : Buffer.concat([this.#trailer!, buffer.subarray(p, end)])
    const after = trailerFields.scan(section, 0, section.length, TRAILER_BYTES, TRAILER_FIELDS)
    if (after < 0) return BAD_TRAILER
    if (after === MORE) {
      this.#trailer = before === 0 ? Buffer.from(section) : section
      return end
    }
    // RFC 9110 §6.5.1: fields that affect framing or routing come too late in trailers.
    const { lengthCount, codingCount, hostCount } = trailerFields
    if (lengthCount + codingCount + hostCount > 0) return BAD_TRAILER
    this.#trailer = undefined
    return this.#finish(trailerFields.text(), p + after - before, sink)
  }

  #finish(trailers: string, after: number, sink: ChunkSink): number {
    this.#state = DONE
    sink.onChunkEnd(trailers)
    return after
  }
}
