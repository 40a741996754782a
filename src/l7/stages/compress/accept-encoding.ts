/** Codings by their names in Content-Encoding. */
export type Coding = 'zstd' | 'br' | 'gzip' | 'deflate'

/** Elements of Accept-Encoding that are read. */
const MAX_ELEMENTS = 16
const MAX_REMEMBERED = 128
const MAX_LENGTH = 256

/**
 * Chooses a coding by Accept-Encoding (RFC 9110 §12.5.3): the client's highest weight, and among equal weights the
 * first in the server's order. Undefined: the body is sent unencoded.
 */
export class CodingChoice<Name extends string = Coding> {
  readonly #order: readonly Name[]
  readonly #remembered = new Map<string, Name | undefined>()

  constructor(order: readonly Name[]) {
    this.#order = order
  }

  of(accept: string | undefined): Name | undefined {
    if (accept === undefined) return undefined
    const known = this.#remembered.get(accept)
    if (known !== undefined || this.#remembered.has(accept)) return known
    const coding = chooseCoding(accept, this.#order)
    if (accept.length <= MAX_LENGTH) {
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
      this.#remembered.set(accept, coding)
    }
    return coding
  }
}

export function chooseCoding<Name extends string>(accept: string, order: readonly Name[]): Name | undefined {
  const weights = new Map<string, number>()
  for (const element of accept.toLowerCase().split(',', MAX_ELEMENTS)) {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim())
    const q = parameters.find((parameter) => /^q\s*=/.test(parameter))
    const weight = q === undefined ? 1 : weightOf(q.slice(q.indexOf('=') + 1).trim())
    if (name !== '' && !weights.has(name)) weights.set(name === 'x-gzip' ? 'gzip' : name, weight)
  }
  const any = weights.get('*') ?? 0
  // If identity is not named it is acceptable, but never preferred.
  let best = weights.get('identity') ?? 0
  let chosen: Name | undefined
  for (const coding of order) {
    const weight = weights.get(coding) ?? any
    if (weight > best || (weight === best && weight > 0 && chosen === undefined)) {
      best = weight
      chosen = coding
    }
  }
  return chosen
}

/** An invalid weight counts as 0. */
function weightOf(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0
}
