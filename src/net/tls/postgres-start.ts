/**
 * Clients of PostgreSQL ask in clear text whether there is TLS, and begin with it once they are told so (protocol 3, "SSL Session
 * Encryption"). Each question is a length of 8 and a code in place of the version.
 */
export const SSL_REQUEST: Buffer = Buffer.from('0000000804d2162f', 'hex')
const GSS_REQUEST = Buffer.from('0000000804d21630', 'hex')

const YES = Buffer.from('S')
const NO = Buffer.from('N')

/** The ALPN of clients that begin with TLS at once (`sslnegotiation=direct`); they insist on its being chosen. */
export const POSTGRES_ALPN = 'postgresql'

/** What a client of PostgreSQL says before TLS, and the answers of a server that has TLS. One per connection. */
export class PostgresStart {
  #asked = false
  #refusedGss = false

  /** TLS was asked for, and promised. */
  get asked(): boolean {
    return this.#asked
  }

  /** The server is asked too: the client's TLS passes `through`, or there is TLS of ours to it (`anew`). */
  asksServer(through: boolean, anew: boolean, alpn: string | undefined): boolean {
    return this.#asked ? through || anew : anew && alpn === POSTGRES_ALPN
  }

  /**
   * The answer to `first`, all that has come since the last answer: the client sends nothing more before it has that. `more`: half a
   * question. Undefined: no question, so the protocol begins with `first`. Bytes behind a question are none either: somebody on the
   * way could have put them there, to be taken for what the client says under TLS (CVE-2021-23214).
   */
  answer(first: Buffer): Buffer | 'more' | undefined {
    if (this.#asked || first[0] !== 0) return undefined
    if (isStart(first, SSL_REQUEST)) {
      if (first.length < SSL_REQUEST.length) return 'more'
      this.#asked = true
      return YES
    }
    // Kerberos encryption, before TLS is asked for. Its client goes on with one of the other ways.
    if (!isStart(first, GSS_REQUEST) || this.#refusedGss) return undefined
    this.#refusedGss = true
    return NO
  }
}

function isStart(first: Buffer, question: Buffer): boolean {
  return first.length <= question.length && first.equals(question.subarray(0, first.length))
}
