import { createHash, randomBytes, randomFillSync, timingSafeEqual } from 'node:crypto'
import type { SecureContext } from 'node:tls'

const NAME = 16
const HMAC = 16
const KEY = 48
/** A turn, the key in force, and the one before it. */
const BYTES = 4 + 2 * KEY
/** How long tickets are made by one key; they are taken as long again. */
export const ROTATE_TICKET_KEYS_MS = 12 * 3_600_000

/** What OpenSSL asks through Node for each ticket: [status, HMAC key, AES key, name, iv]; 0: unknown, 2: make a new one. The keys are always there. */
type TicketAnswer = [status: 0 | 1 | 2, hmac: Buffer, aes: Buffer, name?: Buffer, iv?: Buffer]

interface NativeContext {
  onticketkeycallback?: (name: Buffer, iv: Buffer, making: boolean) => TicketAnswer
  enableTicketKeyCallback?: () => void
  setTicketKeys?: (keys: Buffer) => void
}

/**
 * The keys of session tickets (RFC 5077 §4), in memory that all threads share: a session begun in one worker is resumed in
 * any, and after a reload. The main thread replaces them every twelve hours and forgets the older; a ticket of the key before
 * is still taken, and replaced.
 */
export class TicketKeys {
  readonly memory: ArrayBufferLike
  readonly #turn: Int32Array
  readonly #bytes: Buffer
  /** Of `#turn`, when this thread last copied them. */
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
    // Twice: there is a key before the first.
    keys.rotate()
    keys.rotate()
    return keys
  }

  /** Main thread only. */
  rotate(): void {
    // An odd turn says that they are being written.
    Atomics.add(this.#turn, 0, 1)
    this.#bytes.copyWithin(KEY, 0, KEY)
    randomBytes(KEY).copy(this.#bytes)
    Atomics.add(this.#turn, 0, 1)
  }

  /** Keys for one purpose only: a listener and what it asks of clients. */
  for(purpose: string): PurposeKeys {
    return new PurposeKeys(this, purpose)
  }

  /** The keys in force: the turn that they are of, and copies. */
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

/** A ticket of one listener opens no session at another. */
export class PurposeKeys {
  readonly #keys: TicketKeys
  readonly #purpose: string
  #turn = -1
  #now!: Buffer
  #before!: Buffer

  constructor(keys: TicketKeys, purpose: string) {
    this.#keys = keys
    this.#purpose = purpose
    this.#follow()
  }

  /** Changes with the keys. */
  get turn(): number {
    return this.#keys.turn
  }

  /** As `ticketKeys` of node:tls. */
  get current(): Buffer {
    this.#follow()
    return this.#now
  }

  /** Has a context make and take tickets by these keys. */
  use(context: SecureContext): void {
    const native = context.context as NativeContext
    if (typeof native.enableTicketKeyCallback === 'function') {
      native.onticketkeycallback = (name, _iv, making) => this.#answer(name, making)
      native.enableTicketKeyCallback()
    } else native.setTicketKeys?.(this.current)
  }

  #answer(name: Buffer, making: boolean): TicketAnswer {
    this.#follow()
    // Nothing may be thrown from here, and the keys are looked at whatever the status: without them the process ends.
    if (making) return [1, hmacOf(this.#now), aesOf(this.#now), nameOf(this.#now), nextIv()]
    if (timingSafeEqual(name, nameOf(this.#now))) return [1, hmacOf(this.#now), aesOf(this.#now)]
    if (timingSafeEqual(name, nameOf(this.#before))) return [2, hmacOf(this.#before), aesOf(this.#before)]
    return [0, hmacOf(this.#now), aesOf(this.#now)]
  }

  #follow(): void {
    if (this.#keys.turn === this.#turn) return
    const { turn, now, before } = this.#keys.read()
    this.#turn = turn
    this.#now = derive(now, this.#purpose)
    this.#before = derive(before, this.#purpose)
  }
}

function derive(key: Buffer, purpose: string): Buffer {
  return createHash('sha384').update(key).update(purpose).digest()
}

const IV = 16
const ivs = Buffer.alloc(256 * IV)
let ivsUsed = ivs.length

/** Asked for one by one, randomness takes 5 µs; a full handshake has two tickets. OpenSSL copies it at once. */
function nextIv(): Buffer {
  if (ivsUsed === ivs.length) {
    randomFillSync(ivs)
    ivsUsed = 0
  }
  return ivs.subarray(ivsUsed, (ivsUsed += IV))
}

const nameOf = (key: Buffer): Buffer => key.subarray(0, NAME)
const hmacOf = (key: Buffer): Buffer => key.subarray(NAME, NAME + HMAC)
const aesOf = (key: Buffer): Buffer => key.subarray(NAME + HMAC)
