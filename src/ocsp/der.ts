/** One element of DER (X.690), the encoding of certificates and OCSP messages. */
export interface DerElement {
  readonly tag: number
  /** Including its tag and length. */
  readonly whole: Buffer
  readonly content: Buffer
}

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30
} as const

/** No structure that is read here has as many elements on one level. */
const MAX_ELEMENTS = 10_000

/** Reads the elements of one level in order. Throws for malformed DER. */
export class DerReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** Whether the next element has this tag. */
  next(tag: number): boolean {
    return this.#bytes[this.#at] === tag
  }

  /** `tag` undefined: any. */
  read(tag?: number): DerElement {
    const from = this.#at
    const found = this.#byte()
    if (tag !== undefined && found !== tag) throw new Error(`no DER: tag ${found} in place of ${tag}`)
    const first = this.#byte()
    let length = first
    if (first > 0x80 && first <= 0x84) {
      length = 0
      for (let i = first & 0x7f; i > 0; i--) length = length * 256 + this.#byte()
    } else if (first >= 0x80) throw new Error('no DER: a length of a form that is not allowed')
    const start = this.#at
    if (length > this.#bytes.length - start) throw new Error('no DER: cut off')
    this.#at = start + length
    return {
      tag: found,
      whole: this.#bytes.subarray(from, this.#at),
      content: this.#bytes.subarray(start, this.#at)
    }
  }

  /** The content of a sequence, or of another element with this tag. */
  enter(tag: number = TAG.sequence): DerReader {
    return new DerReader(this.read(tag).content)
  }

  rest(): DerElement[] {
    const all: DerElement[] = []
    while (!this.done) {
      if (all.length === MAX_ELEMENTS) throw new Error('no DER: too many elements')
      all.push(this.read())
    }
    return all
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++]
    if (byte === undefined) throw new Error('no DER: cut off')
    return byte
  }
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  const length: number[] = []
  for (let left = content.length; left > 0; left = Math.floor(left / 256)) length.unshift(left % 256)
  const head = content.length < 0x80 ? [content.length] : [0x80 + length.length, ...length]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}
