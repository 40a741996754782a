import { soon } from '../../src/core/containment.ts'
import type { RecordState, StoredRecord } from '../../src/l7/cache/ports.ts'

/** What a MapStore holds under one key, and who waits for it. */
export class Slot {
  readonly key: string
  state: RecordState = 'reserved'
  /** In the map. */
  linked = false
  info = ''
  tags: readonly string[] = []
  note = false
  bytes: number | undefined
  body = Buffer.alloc(0)
  length = 0
  /** Bytes accounted for; 0 once unlinked. */
  cost = 0
  parsed: unknown
  staleAt = 0
  readers = 0
  #waiting: (() => void)[] = []

  constructor(key: string) {
    this.key = key
  }

  open(): StoredRecord {
    this.readers++
    return new MapRecord(this)
  }

  onProgress(wake: () => void): () => void {
    this.#waiting.push(wake)
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== wake)
    }
  }

  wakeAll(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) soon(wake)
  }
}

class MapRecord implements StoredRecord {
  readonly #slot: Slot
  #open = true

  constructor(slot: Slot) {
    this.#slot = slot
  }

  get state(): RecordState {
    return this.#slot.state
  }

  get info(): string {
    return this.#slot.info
  }

  get available(): number {
    return this.#slot.length
  }

  get bytes(): number | undefined {
    return this.#slot.bytes
  }

  get staleAt(): number {
    return this.#slot.staleAt
  }

  get parsed(): unknown {
    return this.#slot.parsed
  }

  set parsed(value: unknown) {
    this.#slot.parsed = value
  }

  read(from: number, max: number): Buffer | undefined {
    const end = Math.min(this.#slot.length, from + max)
    return end <= from ? undefined : this.#slot.body.subarray(from, end)
  }

  onProgress(wake: () => void): () => void {
    return this.#slot.onProgress(wake)
  }

  release(): void {
    if (this.#open) this.#slot.readers--
    this.#open = false
  }
}
