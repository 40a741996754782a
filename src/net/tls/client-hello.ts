/** What a TLS client sends before encryption begins (RFC 8446 §4.1.2). */
export interface ClientHello {
  /** server_name (RFC 6066 §3), lower case, without a final dot; undefined when it is missing or not a host name. */
  readonly serverName: string | undefined
  /** Protocols offered by ALPN (RFC 7301), best first. */
  readonly alpn: readonly string[]
  /** It asks for an OCSP response (status_request, RFC 6066 §8). */
  readonly wantsStaple: boolean
  /** Lists of two-byte numbers, as received, to choose between an RSA and an ECDSA certificate. */
  readonly ciphers: Buffer
  readonly signatureSchemes: Buffer | undefined
  readonly versions: Buffer | undefined
}

export type PeekResult = ClientHello | 'more' | 'not-tls'

/** A ClientHello with post-quantum key shares has 1.8 KB; this bounds the bytes until it is complete. */
export const MAX_HELLO_BYTES = 16_384

const RECORD_HEADER = 5
const HANDSHAKE = 22
const MAX_RECORD = 16_384
const CLIENT_HELLO = 1
const EXT_SERVER_NAME = 0
const EXT_STATUS_REQUEST = 5
const EXT_SIGNATURE_ALGORITHMS = 13
const EXT_ALPN = 16
const EXT_SUPPORTED_VERSIONS = 43
const HOST_NAME = 0

/**
 * Parses the ClientHello from a connection's first bytes, however they are split over records and reads. It does not
 * consume bytes: the caller keeps them. Unknown values (GREASE, RFC 8701) are skipped.
 */
export class ClientHelloReader {
  /** The current record: its header as far as it came, and the rest of its fragment. */
  readonly #header = Buffer.alloc(RECORD_HEADER)
  #headerBytes = 0
  #fragmentLeft = 0
  /** The handshake message, without record headers. */
  #message: Buffer = Buffer.alloc(0)
  #read = 0

  push(buffer: Buffer, start: number, end: number): PeekResult {
    this.#read += end - start
    while (start < end) {
      if (this.#fragmentLeft === 0) {
        this.#header[this.#headerBytes++] = buffer[start++]!
        if (!this.#headerFits()) return 'not-tls'
        if (this.#headerBytes < RECORD_HEADER) continue
        this.#headerBytes = 0
        this.#fragmentLeft = this.#header.readUInt16BE(3)
        continue
      }
      const taken = Math.min(end - start, this.#fragmentLeft)
      const result = this.#append(buffer.subarray(start, start + taken))
      // Data after a complete ClientHello (early data) is ignored.
      if (result !== 'more') return result
      start += taken
      this.#fragmentLeft -= taken
    }
    return this.#read > MAX_HELLO_BYTES ? 'not-tls' : 'more'
  }

  #append(fragment: Buffer): PeekResult {
    // concat copies: the caller's buffer is valid during the call only.
    const message = (this.#message = Buffer.concat([this.#message, fragment]))
    if (message[0] !== CLIENT_HELLO) return 'not-tls'
    if (message.length < 4) return 'more'
    const length = message.readUIntBE(1, 3)
    if (length > MAX_HELLO_BYTES) return 'not-tls'
    if (message.length < 4 + length) return 'more'
    return parseClientHello(message.subarray(4, 4 + length)) ?? 'not-tls'
  }

  /**
   * Checks as much of the header as has come: handshake, version 3.x, and a fragment that is neither empty nor too long
   * (§5.1).
   */
  #headerFits(): boolean {
    const header = this.#header
    const bytes = this.#headerBytes
    if (header[0] !== HANDSHAKE || (bytes > 1 && header[1] !== 3)) return false
    if (bytes < RECORD_HEADER) return true
    const length = header.readUInt16BE(3)
    return length > 0 && length <= MAX_RECORD
  }
}

/** The body of a ClientHello message; undefined when its lengths do not add up. */
export function parseClientHello(body: Buffer): ClientHello | undefined {
  const cursor = new Cursor(body)
  cursor.skip(2 + 32)
  cursor.skip(cursor.u8())
  const ciphers = cursor.take(cursor.u16())
  cursor.skip(cursor.u8())
  // TLS 1.2 may end here (RFC 5246 §7.4.1.2).
  const extensionsEnd = cursor.left === 0 ? cursor.at : cursor.u16() + cursor.at
  let serverName: string | undefined
  let alpn: string[] = []
  let wantsStaple = false
  let signatureSchemes: Buffer | undefined
  let versions: Buffer | undefined
  while (cursor.ok && cursor.at < extensionsEnd) {
    const type = cursor.u16()
    const data = cursor.take(cursor.u16())
    if (type === EXT_SERVER_NAME) serverName ??= serverNameOf(data)
    else if (type === EXT_ALPN) alpn = protocolsOf(data)
    else if (type === EXT_STATUS_REQUEST) wantsStaple = true
    else if (type === EXT_SIGNATURE_ALGORITHMS) signatureSchemes = data.subarray(2)
    else if (type === EXT_SUPPORTED_VERSIONS) versions = data.subarray(1)
  }
  if (!cursor.ok || extensionsEnd !== body.length) return undefined
  return { serverName, alpn, wantsStaple, ciphers, signatureSchemes, versions }
}

function serverNameOf(list: Buffer): string | undefined {
  const cursor = new Cursor(list)
  cursor.skip(2)
  while (cursor.ok && cursor.left > 0) {
    const type = cursor.u8()
    const name = cursor.take(cursor.u16()).toString('latin1')
    if (type !== HOST_NAME) continue
    // Texts that cannot be host names are neither compared nor logged.
    if (!cursor.ok || name.length > 255 || !/^[\w-]+(\.[\w-]+)*\.?$/.test(name)) return undefined
    return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase()
  }
  return undefined
}

function protocolsOf(list: Buffer): string[] {
  const cursor = new Cursor(list)
  cursor.skip(2)
  const protocols: string[] = []
  while (cursor.left > 0) {
    const name = cursor.take(cursor.u8()).toString('latin1')
    if (!cursor.ok || protocols.length === 32) break
    protocols.push(name)
  }
  return protocols
}

/** Reads zeros past the end, and remembers that: one check at the end instead of one per field. */
class Cursor {
  at = 0
  ok = true
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.at
  }

  u8(): number {
    const value = this.#bytes[this.at]
    this.skip(1)
    return value ?? 0
  }

  u16(): number {
    return this.u8() * 256 + this.u8()
  }

  take(length: number): Buffer {
    const from = this.at
    this.skip(length)
    return this.#bytes.subarray(from, this.at)
  }

  skip(length: number): void {
    this.at += length
    if (this.at <= this.#bytes.length) return
    this.at = this.#bytes.length
    this.ok = false
  }
}

/** PostgreSQL's SSLRequest and GSSENCRequest: a length of 8, and a code in place of the version. */
const POSTGRES = ['0000000804d2162f', '0000000804d21630']

/** What a client that begins with `first` speaks in place of TLS, for the log. */
export function spokenInstead(first: Buffer | undefined): string | undefined {
  if (first === undefined || !POSTGRES.includes(first.toString('hex', 0, 8))) return undefined
  return 'PostgreSQL asks whether there is TLS before it begins: listeners of mode l4 answer that'
}
