import { KeyedText, wordsOf } from './keyed-text.ts'

/** Keys of a bucket: with their tags and places it is half a line of the processor's cache. */
const PLACES = 4
const WORDS = 2 * PLACES

/** Before the words of a key: its number, and its form. */
const HEAD = 2

/** Unused words in front. What malloc makes that is large begins 16 bytes behind a page: so lines begin behind these words. */
const BEFORE = 12

/** Records of keys have multiples of this, in words: a short one lies within a line. */
const STEP = 8

/** Moves before a table counts as full. */
const MOVES = 64

/**
 * Numbers by texts. A text is looked up by a keyed hash, which names two buckets of which all places are looked at, and
 * compared in constant time. So timing does not show how much of a guess is right, and a guess that is repeated takes no longer
 * than another one because of where it lies in the table.
 *
 * Keys that come in turn are not in the processor's cache, and each line that is read costs more than the look itself: so all
 * is two dense arrays. A text lies in either of its buckets, and moves to the other for one that finds both full: the table is
 * nine tenths full before it has to grow.
 */
export class KeyBuckets {
  readonly #text: KeyedText
  /** By bucket: the upper halves of `PLACES` hashes, then where in `#records` their texts are, 0 for none. */
  #buckets = new Int32Array(BEFORE + 16 * WORDS)
  #records = new Int32Array(1024)
  /** Where the next record goes. */
  #end = BEFORE
  #size = 0

  /** `longest`: in UTF-16; of longer texts no method may be asked. */
  constructor(longest: number) {
    this.#text = new KeyedText(longest)
  }

  get size(): number {
    return this.#size
  }

  /** The number of a text; -1: it is none of these. */
  find(text: string): number {
    this.#text.read(text)
    const place = this.#place()
    return place === 0 ? -1 : this.#records[place]!
  }

  set(text: string, number: number): void {
    this.#text.read(text)
    const known = this.#place()
    if (known !== 0) this.#records[known] = number
    else {
      this.#size++
      if (!this.#store(this.#append(number))) this.#grow()
    }
  }

  /** Of the text that was read last; 0: it is none of these. The work is the same for all other texts, but for one in 500 million. */
  #place(): number {
    const one = this.#placeIn(this.#firstBucket())
    const other = this.#placeIn(this.#secondBucket())
    return one === 0 ? other : one
  }

  #placeIn(bucket: number): number {
    const { high } = this.#text
    const buckets = this.#buckets
    let found = 0
    for (let at = bucket; at < bucket + PLACES; at++) {
      if (buckets[at] === high && this.#holds(buckets[at + PLACES]!)) found = buckets[at + PLACES]!
    }
    return found
  }

  #holds(place: number): boolean {
    const records = this.#records
    return place !== 0 && records[place + 1] === this.#text.form && this.#text.isAt(records, place + HEAD)
  }

  /** Of the last hash; may be the same. */
  #firstBucket(): number {
    return BEFORE + (Math.imul(this.#text.low, WORDS) & (this.#buckets.length - BEFORE - 1))
  }

  #secondBucket(): number {
    const { low, high } = this.#text
    return BEFORE + (Math.imul((low >>> 16) ^ high, WORDS) & (this.#buckets.length - BEFORE - 1))
  }

  /** Puts the text that was read last behind all others. */
  #append(number: number): number {
    const place = this.#end
    const { form, words } = this.#text
    this.#end += sizeOf(form)
    if (this.#end > this.#records.length) {
      const more = new Int32Array(2 * this.#end)
      more.set(this.#records)
      this.#records = more
    }
    this.#records[place] = number
    this.#records[place + 1] = form
    this.#records.set(words.subarray(0, wordsOf(form)), place + HEAD)
    return place
  }

  /** False: the table is full, and one text has lost its place. The last hash is that of the record. */
  #store(place: number): boolean {
    const buckets = this.#buckets
    let bucket = this.#firstBucket()
    if (usedOf(buckets, bucket) === PLACES) bucket = this.#secondBucket()
    for (let moves = 0; moves < MOVES; moves++) {
      const used = usedOf(buckets, bucket)
      const at = bucket + (used === PLACES ? moves % PLACES : used)
      const moved = buckets[at + PLACES]!
      buckets[at] = this.#text.high
      buckets[at + PLACES] = place
      if (used < PLACES) return true
      place = moved
      this.#hash(place)
      const first = this.#firstBucket()
      bucket = first === bucket ? this.#secondBucket() : first
    }
    return false
  }

  #hash(place: number): void {
    this.#text.hash(this.#records, place + HEAD, this.#records[place + 1]!)
  }

  #grow(): void {
    let words = this.#buckets.length - BEFORE
    do {
      words *= 2
      this.#buckets = new Int32Array(BEFORE + words)
    } while (!this.#storeAll())
  }

  #storeAll(): boolean {
    for (let place = BEFORE; place < this.#end; place += sizeOf(this.#records[place + 1]!)) {
      this.#hash(place)
      if (!this.#store(place)) return false
    }
    return true
  }
}

/** Of the record of a text of this form, in words. */
function sizeOf(form: number): number {
  return (HEAD + wordsOf(form) + STEP - 1) & -STEP
}

/** Buckets are filled from the front. */
function usedOf(buckets: Int32Array, bucket: number): number {
  let used = 0
  while (used < PLACES && buckets[bucket + PLACES + used] !== 0) used++
  return used
}
