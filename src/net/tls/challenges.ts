import type { CertificatePair } from './listener-tls.ts'

/** Answers one challenge: http-01 or tls-alpn-01. */
export type ChallengeAnswer =
  | { readonly token: string; readonly keyAuthorization: string }
  | { readonly serverName: string; readonly pair: CertificatePair }

/** Answers to pending challenges of an authority. */
interface InFlight {
  /** http-01: token → key authorization. */
  readonly http: Readonly<Record<string, string>>
  /** tls-alpn-01: server name → certificate. */
  readonly alpn: Readonly<Record<string, CertificatePair>>
}

/** ALPN protocol of a tls-alpn-01 validation (RFC 8737 §4). */
export const ACME_TLS = 'acme-tls/1'
/** A certificate with its key takes 1.5 KB, so this is enough for all orders under way at once. */
const BYTES = 131_072
const HEAD = 8

/**
 * In memory that all threads share, written by the main thread: any worker can answer a connection of the authority,
 * even one that has just been replaced. Read only when a challenge is requested.
 */
export class Challenges {
  readonly memory: ArrayBufferLike
  /** A sequence number, odd while the data is being written, and the length. */
  readonly #head: Int32Array
  readonly #bytes: Uint8Array
  #seen = -1
  #http: ReadonlyMap<string, string> = new Map()
  #alpn: ReadonlyMap<string, CertificatePair> = new Map()

  constructor(memory: ArrayBufferLike) {
    this.memory = memory
    this.#head = new Int32Array(memory, 0, 2)
    this.#bytes = new Uint8Array(memory, HEAD)
  }

  static create(shared: boolean): Challenges {
    return new Challenges(shared ? new SharedArrayBuffer(BYTES) : new ArrayBuffer(BYTES))
  }

  /** The answer to a request for this token. */
  keyAuthorization(token: string): string | undefined {
    this.#follow()
    return this.#http.get(token)
  }

  /** The certificate for a validation of `name`. */
  certificate(name: string): CertificatePair | undefined {
    this.#follow()
    return this.#alpn.get(name)
  }

  /** Main thread only. Throws when it is full. */
  put(answer: ChallengeAnswer): void {
    this.#follow()
    if ('token' in answer)
      this.#write(new Map(this.#http).set(answer.token, answer.keyAuthorization), this.#alpn)
    else this.#write(this.#http, new Map(this.#alpn).set(answer.serverName, answer.pair))
  }

  /** Main thread only. */
  remove(answer: ChallengeAnswer): void {
    this.#follow()
    const tokenOrName = keyOf(answer)
    const without = <T>(map: ReadonlyMap<string, T>) =>
      new Map([...map].filter(([key]) => key !== tokenOrName))
    this.#write(without(this.#http), without(this.#alpn))
  }

  #write(http: ReadonlyMap<string, string>, alpn: ReadonlyMap<string, CertificatePair>): void {
    const inFlight: InFlight = { http: Object.fromEntries(http), alpn: Object.fromEntries(alpn) }
    const bytes = Buffer.from(JSON.stringify(inFlight))
    if (bytes.length > this.#bytes.length) throw new Error('too many challenges at once')
    Atomics.add(this.#head, 0, 1)
    this.#bytes.set(bytes)
    Atomics.store(this.#head, 1, bytes.length)
    Atomics.add(this.#head, 0, 1)
  }

  #follow(): void {
    for (;;) {
      const turn = Atomics.load(this.#head, 0)
      if (turn === this.#seen || turn === 0) return
      if (turn % 2 !== 0) continue
      // A copy, since shared memory cannot be decoded in place.
      const copy = Buffer.from(this.#bytes.subarray(0, Atomics.load(this.#head, 1)))
      if (Atomics.load(this.#head, 0) !== turn) continue
      const { http, alpn } = JSON.parse(copy.toString()) as InFlight
      this.#http = new Map(Object.entries(http))
      this.#alpn = new Map(Object.entries(alpn))
      this.#seen = turn
      return
    }
  }
}

/** Two answers with one key replace each other. */
export function keyOf(answer: ChallengeAnswer): string {
  return 'token' in answer ? answer.token : answer.serverName
}
