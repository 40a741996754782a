import { createHash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { systemClock } from '../../core/clock.ts'

const NAME = 16
const HMAC = 16
const KEY = 48
/** A sequence number, the current key, and the previous one. */
const BYTES = 4 + 2 * KEY
/** How long a key creates tickets; they are accepted for the same time again. */
export const ROTATE_TICKET_KEYS_MS = 12 * 3_600_000

/**
 * OpenSSL's question through Node for each ticket: [status, HMAC key, AES key, name, iv]; 0: unknown, 2: create a new
 * one. The keys are always present.
 */
type TicketAnswer = [status: 0 | 1 | 2, hmac: Buffer, aes: Buffer, name?: Buffer, iv?: Buffer]

interface NativeContext {
  onticketkeycallback?: (name: Buffer, iv: Buffer, making: boolean) => TicketAnswer
  enableTicketKeyCallback?: () => void
  setTicketKeys?: (keys: Buffer) => void
}

/**
 * The keys of session tickets (RFC 5077 §4), in memory that all threads share: a session begun in one worker can be
 * resumed in any, and after a reload. The main thread replaces them every twelve hours and drops the oldest; a ticket
 * of the previous key is still accepted, and replaced.
 */
export class TicketKeys {
  readonly memory: ArrayBufferLike
  readonly #turn: Int32Array
  readonly #bytes: Buffer
  /** The value of `#turn` when this thread last copied the keys. */
  #seen = -1
  #now: Buffer = Buffer.alloc(KEY)
  #before: Buffer = Buffer.alloc(KEY)

  constructor(memory: ArrayBufferLike) {
    this.memory = memory
    this.#turn = new Int32Array(memory, 0, 1)
    this.#bytes = Buffer.from(memory, 4)
  }

  static create(shared: boolean): TicketKeys {
    const keys = new TicketKeys(shared ? new SharedArrayBuffer(BYTES) : new ArrayBuffer(BYTES))
    // Twice, so that there is a previous key.
    keys.rotate()
    keys.rotate()
    return keys
  }

  /** Main thread only. */
  rotate(): void {
    // An odd number means that the keys are being written.
    Atomics.add(this.#turn, 0, 1)
    this.#bytes.copyWithin(KEY, 0, KEY)
    randomBytes(KEY).copy(this.#bytes)
    Atomics.add(this.#turn, 0, 1)
  }

  /** Keys for one purpose only: a listener and its requirements for clients. `until`: wall clock, no ticket is accepted later. */
  for(purpose: string, until = Infinity): PurposeKeys {
    return new PurposeKeys(this, purpose, until)
  }

  /** Copies of the current keys, with their number. */
  read(): { turn: number; now: Buffer; before: Buffer } {
    for (;;) {
      const turn = Atomics.load(this.#turn, 0)
      if (turn === this.#seen) break
      if (turn % 2 !== 0) continue
      this.#now = Buffer.from(this.#bytes.subarray(0, KEY))
      this.#before = Buffer.from(this.#bytes.subarray(KEY))
      if (Atomics.load(this.#turn, 0) === turn) this.#seen = turn
    }
    return { turn: this.#seen, now: this.#now, before: this.#before }
  }

  get turn(): number {
    return Atomics.load(this.#turn, 0)
  }
}

/** A connection in its handshake. */
interface Negotiating {
  getProtocol(): string | null
}

/** The connection whose first bytes OpenSSL is reading. */
let reading: Negotiating | undefined

/** Lets OpenSSL read the first bytes of a connection, which may hold a ticket. */
export function readFirst(
  connection: Negotiating & { receive(bytes: Uint8Array): void },
  first: Uint8Array
): void {
  reading = connection
  try {
    connection.receive(first)
  } finally {
    reading = undefined
  }
}

/** Keys derived for a purpose: a ticket of one listener is not accepted by another. */
export class PurposeKeys {
  readonly #keys: TicketKeys
  readonly #purpose: string
  readonly #until: number
  #turn = -1
  #now!: Answers
  #before!: Answers

  constructor(keys: TicketKeys, purpose: string, until: number) {
    this.#keys = keys
    this.#purpose = purpose
    this.#until = until
    this.#follow()
  }

  /** In the form of `ticketKeys` of node:tls. */
  get current(): Buffer {
    this.#follow()
    return this.#now.key
  }

  /** Makes a context create and accept tickets with these keys. */
  use(context: SecureContext): void {
    const native = context.context as NativeContext
    if (typeof native.enableTicketKeyCallback === 'function') {
      native.onticketkeycallback = (name, _iv, making) => this.#answer(name, making)
      native.enableTicketKeyCallback()
    } else native.setTicketKeys?.(this.current)
  }

  #answer(name: Buffer, making: boolean): TicketAnswer {
    this.#follow()
    // This must not throw, and the keys are read whatever the status: without them the process would crash.
    if (making) {
      this.#now.make[4] = nextIv()
      return this.#now.make
    }
    if (this.#until < Infinity && systemClock.wall() > this.#until) return this.#now.refuse
    // A client of TLS 1.3 uses a ticket once (RFC 8446 §C.4) and needs another one. Where the version is not known, the
    // ClientHello came in several reads.
    if (timingSafeEqual(name, this.#now.name))
      return reading?.getProtocol() === 'TLSv1.2' ? this.#now.accept : this.#now.replace
    if (timingSafeEqual(name, this.#before.name)) return this.#before.replace
    return this.#now.refuse
  }

  #follow(): void {
    if (this.#keys.turn === this.#turn) return
    const { turn, now, before } = this.#keys.read()
    this.#turn = turn
    this.#now = new Answers(derive(now, this.#purpose))
    this.#before = new Answers(derive(before, this.#purpose))
  }
}

/** What OpenSSL is answered with one key. It reads an answer at once. */
class Answers {
  readonly key: Buffer
  readonly name: Buffer
  readonly make: [1, Buffer, Buffer, Buffer, Buffer]
  readonly accept: TicketAnswer
  readonly replace: TicketAnswer
  readonly refuse: TicketAnswer

  constructor(key: Buffer) {
    this.key = key
    this.name = key.subarray(0, NAME)
    const hmac = key.subarray(NAME, NAME + HMAC)
    const aes = key.subarray(NAME + HMAC)
    this.make = [1, hmac, aes, this.name, ivs]
    this.accept = [1, hmac, aes]
    this.replace = [2, hmac, aes]
    this.refuse = [0, hmac, aes]
  }
}

function derive(key: Buffer, purpose: string): Buffer {
  return createHash('sha384').update(key).update(purpose).digest()
}

const IV = 16
const ivs = Buffer.alloc(256 * IV)
let ivsUsed = ivs.length

/** Single random values take 5 µs; a full handshake has two tickets. OpenSSL copies it at once. */
function nextIv(): Buffer {
  if (ivsUsed === ivs.length) {
    randomFillSync(ivs)
    ivsUsed = 0
  }
  return ivs.subarray(ivsUsed, (ivsUsed += IV))
}
