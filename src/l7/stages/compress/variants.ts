import type { Coding } from './accept-encoding.ts'

/** A stored response's body, encoded. */
export interface Variant {
  /** The settings that it was compressed with. */
  readonly owner: object
  readonly coding: Coding
  /** Undefined: it does not shrink. */
  readonly bytes: Buffer | undefined
  /** Short ones also as latin1: sent with the head in one string. */
  readonly text: string | undefined
  /** The fields it was last sent with, before and after: they change once a second. */
  fieldsBefore: string
  fieldsAfter: string
}

/** Of a thread, over all routes. */
const MAX_BYTES = 32 * 1024 * 1024
const OVERHEAD = 1024
/** Codings, times the routes that share an entry. */
const MAX_PER_ENTRY = 16
const TEXT_BYTES = 4096

/** The longest that is kept. */
export const MAX_VARIANT_BYTES = MAX_BYTES / 8

/**
 * Encoded bodies of what lies in the cache, by the entry: an entry that was replaced or changed is another object. Those
 * that were not asked for lately go first.
 */
export class Variants {
  readonly #byEntry = new Map<object, Variant[]>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  get(entry: object, owner: object, coding: Coding): Variant | undefined {
    const variants = this.#byEntry.get(entry)
    if (variants === undefined) return undefined
    for (const variant of variants) {
      if (variant.coding === coding && variant.owner === owner) return variant
    }
    return undefined
  }

  add(entry: object, owner: object, coding: Coding, bytes: Buffer | undefined): Variant {
    const text = bytes !== undefined && bytes.length <= TEXT_BYTES ? bytes.toString('latin1') : undefined
    const variant: Variant = { owner, coding, bytes, text, fieldsBefore: '', fieldsAfter: '' }
    const before = this.#byEntry.get(entry) ?? []
    const others = before.filter((other) => other.owner !== owner || other.coding !== coding)
    this.#remove(entry)
    const now = [...others.slice(-MAX_PER_ENTRY + 1), variant]
    this.#byEntry.set(entry, now)
    this.#bytes += costOf(now)
    for (const [oldest] of this.#byEntry) {
      if (this.#bytes <= this.#maxBytes) break
      this.#remove(oldest)
    }
    return variant
  }

  #remove(entry: object): void {
    const variants = this.#byEntry.get(entry)
    if (variants === undefined) return
    this.#byEntry.delete(entry)
    this.#bytes -= costOf(variants)
  }
}

function costOf(variants: readonly Variant[]): number {
  let cost = 0
  for (const { bytes, text } of variants) cost += OVERHEAD + (bytes?.length ?? 0) + (text?.length ?? 0)
  return cost
}
