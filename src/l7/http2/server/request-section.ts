import { isToken } from '../../../core/latin1.ts'
import { randomBytes } from 'node:crypto'
import { UNKNOWN_LENGTH } from '../../message/body-length.ts'
import type { Request } from '../../message/request.ts'
import { HeaderBlock } from '../../message/header-block.ts'
import { isKnownMethod } from '../../message/methods.ts'
import { hostName } from '../../uri/target.ts'
import { TARGET } from '../../message/chars.ts'
import {
  BAD_EXPECTATION,
  BAD_HOST,
  BAD_METHOD,
  BAD_TARGET,
  REPEATED,
  TOO_LARGE,
  TOO_MANY_FIELDS,
  URL_TOO_LONG
} from '../../http1/parse/parse-failure.ts'
import type { HeadLimits } from '../../http1/parse/request-parser.ts'
import { tunnelledProtocols } from '../../message/upgrade-protocols.ts'
import type { FieldSink } from '../hpack/decoder.ts'
import type { TableEntry } from '../hpack/decoder-table.ts'
import {
  AUTHORITY,
  AUTHORIZATION,
  CONTENT_LENGTH,
  CONTENT_TYPE,
  COOKIE,
  DROPPED,
  EXPECT,
  HOST,
  MALFORMED,
  METHOD,
  OF_CONNECTION,
  PATH,
  PRIORITY_FIELD,
  PROTOCOL,
  SCHEME,
  SEEN_SHIFT,
  STATUS,
  TE,
  UNKNOWN_PSEUDO
} from '../hpack/field-marks.ts'
import { DEFAULT_URGENCY, parsePriority } from '../session/send/priority.ts'

/**
 * Results other than 0: the section is malformed (a stream error), or a failure of parse-failure.ts, which gets a
 * response.
 */
export const MALFORMED_REQUEST = -1000

/** Reads the field section of a request (RFC 9113 §8.3). One per thread: a section is decoded and read within one call. */
export class RequestSection implements FieldSink {
  request: Request | undefined
  /** The body length that content-length declares; -1 without one. */
  contentLength = -1
  /** In the form of `parsePriority`. */
  priority = DEFAULT_URGENCY * 2
  #method = ''
  #path = ''
  #scheme = ''
  #authority = ''
  #protocol = ''
  #host = ''
  #cookie = ''
  #expect = ''
  #text = ''
  #seen = 0
  #fields = 0
  #pseudoSeen = 0
  #regular = false
  #malformed = false
  #trailers = false
  #repeated = false
  #types = 0
  #authorizations = 0

  begin(): this {
    this.request = undefined
    this.contentLength = -1
    this.priority = DEFAULT_URGENCY * 2
    this.#method = this.#path = this.#scheme = this.#authority = this.#protocol = ''
    this.#host = this.#cookie = this.#expect = this.#text = ''
    this.#seen = this.#fields = this.#pseudoSeen = this.#types = this.#authorizations = 0
    this.#regular = this.#malformed = this.#trailers = this.#repeated = false
    return this
  }

  onField(field: TableEntry): void {
    const kind = field.marks & 0xff
    if (kind <= UNKNOWN_PSEUDO) return this.#pseudo(kind, field.value)
    this.#regular = true
    this.#fields++
    switch (kind) {
      case MALFORMED:
      case OF_CONNECTION:
        this.#malformed = true
        return
      case HOST:
        // Two Host fields are malformed, even if they agree.
        if (this.#host !== '' || field.value === '') this.#malformed = true
        this.#host = field.value
        return
      case CONTENT_LENGTH:
        this.#length(field.value)
        return
      case TE:
        // RFC 9113 §8.2.2.
        if (field.value !== 'trailers') this.#malformed = true
        this.#trailers = true
        return
      case COOKIE:
        // §8.2.3: split cookies are joined to one field again, and count as one.
        if (this.#cookie === '') this.#cookie = field.value
        else {
          this.#fields--
          this.#cookie = `${this.#cookie}; ${field.value}`
        }
        return
      case EXPECT:
        this.#expect = this.#expect === '' ? field.value : `${this.#expect}, ${field.value}`
        return
      case DROPPED:
        return
      case AUTHORIZATION:
        this.#repeated ||= ++this.#authorizations > 1
        break
      case CONTENT_TYPE:
        this.#repeated ||= ++this.#types > 1
        break
      case PRIORITY_FIELD:
        this.priority = parsePriority(field.value)
        break
    }
    this.#seen |= field.marks >>> SEEN_SHIFT
    this.#text += field.line
  }

  /** 0 with the request in `request`, MALFORMED_REQUEST, or a failure that gets a response. */
  end(endStream: boolean, overflowed: boolean, limits: HeadLimits, connectProtocol: boolean): number {
    if (this.#malformed) return MALFORMED_REQUEST
    const connect = this.#method === 'CONNECT'
    const extended = this.#protocol !== ''
    // Fields over the limit were not all reported; the pseudo-fields come before them.
    if (this.#method === '') return overflowed && !this.#regular ? TOO_LARGE : MALFORMED_REQUEST
    if (extended && (!connect || !connectProtocol)) return MALFORMED_REQUEST
    const plain = connect && !extended
    if (
      plain
        ? this.#path !== '' || this.#scheme !== '' || this.#authority === ''
        : this.#path === '' || this.#scheme === ''
    )
      return MALFORMED_REQUEST
    const authority = this.#authority === '' ? this.#host : this.#authority
    // RFC 9113 §8.3.1: Host and :authority must agree, otherwise the target of the request is unclear.
    if (this.#host !== '' && this.#host.toLowerCase() !== authority.toLowerCase()) return MALFORMED_REQUEST
    if (endStream && this.contentLength > 0) return MALFORMED_REQUEST
    if (!isToken(this.#method)) return MALFORMED_REQUEST
    const target = plain ? this.#authority : this.#path
    if (!isTarget(target)) return MALFORMED_REQUEST
    if (!plain && target.charCodeAt(0) !== SLASH && !(target === '*' && this.#method === 'OPTIONS')) {
      return MALFORMED_REQUEST
    }
    if (overflowed) return TOO_LARGE
    if (this.#fields > limits.headerCount) return TOO_MANY_FIELDS
    if (target.length > limits.urlBytes) return URL_TOO_LONG
    if (target.includes('#')) return BAD_TARGET
    if (authority === '' || hostName(authority) === undefined) return BAD_HOST
    if (!isKnownMethod(this.#method) && limits.methods?.includes(this.#method) !== true) return BAD_METHOD
    if (this.#repeated) return REPEATED
    const expectContinue = this.#expect.toLowerCase() === '100-continue'
    if (this.#expect !== '' && !expectContinue) return BAD_EXPECTATION
    if (this.#cookie !== '') this.#text += `cookie: ${this.#cookie}\r\n`
    const upgrade = extended ? tunnelledProtocols(this.#protocol) : ''
    if (extended && upgrade === '') return BAD_METHOD
    // HTTP/1.1 needs a key for its handshake; RFC 8441 §5 has none.
    if (upgrade === 'websocket') this.#text += `sec-websocket-key: ${randomBytes(16).toString('base64')}\r\n`
    // A tunnel has no body: the bytes behind the head are the tunnel's.
    const bodiless = endStream || extended
    this.request = {
      method: extended ? 'GET' : this.#method,
      target,
      version: '2.0',
      host: authority,
      headers: new HeaderBlock(`host: ${authority}\r\n${this.#text}`),
      bodyLength: bodiless ? 0 : this.contentLength === -1 ? UNKNOWN_LENGTH : this.contentLength,
      keepAlive: true,
      upgrade,
      expectContinue: expectContinue && !endStream,
      acceptsTrailers: this.#trailers,
      connectionNames: '',
      seen: this.#seen
    }
    return 0
  }

  #pseudo(kind: number, value: string): void {
    const bit = 1 << kind
    // RFC 9113 §8.3: only known ones, each once, and before all other fields.
    if (kind === STATUS || kind === UNKNOWN_PSEUDO || this.#regular || (this.#pseudoSeen & bit) !== 0) {
      this.#malformed = true
      return
    }
    this.#pseudoSeen |= bit
    // An empty pseudo-field counts as missing; only :authority may be empty.
    switch (kind) {
      case METHOD:
        this.#method = value
        return
      case PATH:
        this.#path = value
        break
      case SCHEME:
        if (value !== 'http' && value !== 'https' && !FORM_OF_SCHEME.test(value)) this.#malformed = true
        this.#scheme = value
        break
      case AUTHORITY:
        this.#authority = value
        return
      case PROTOCOL:
        this.#protocol = value
        break
    }
    if (value === '') this.#malformed = true
  }

  #length(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (length === -1 || this.contentLength !== -1) this.#malformed = true
    this.contentLength = length
  }
}

/** RFC 3986 §3.1. Whatever it says, what goes on has the scheme that lb speaks. */
const FORM_OF_SCHEME = /^[a-z][a-z0-9+.-]*$/i
const SLASH = 47

/** Fragments pass here: they get an error response later. */
function isTarget(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (TARGET[c] !== 1 && c !== HASH) return false
  }
  return true
}

const HASH = 35
