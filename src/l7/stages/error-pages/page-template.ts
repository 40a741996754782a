import { escapeFor } from '../../headers/escape-text.ts'

/** Values of the placeholders in a page. */
export interface PageFacts {
  readonly status: number
  readonly reason: string
  readonly requestId: string
  readonly host: string
}

const PLACEHOLDER = /\{(status|reason|requestId|host)\}/

/** A page with placeholders, escaped for its media type. */
export class PageTemplate {
  readonly type: string
  /** Every second part is the name of a placeholder. */
  readonly #parts: readonly string[]
  readonly #escape: (text: string) => string

  constructor(body: string, type: string) {
    this.type = type
    this.#parts = body.split(PLACEHOLDER)
    this.#escape = escapeFor(type)
  }

  fill(facts: PageFacts): Buffer {
    let page = this.#parts[0]!
    for (let i = 1; i < this.#parts.length; i += 2) {
      // eslint-disable-next-line lb/no-text-index -- the expression that splits the template matches these names only
      page += this.#escape(String(facts[this.#parts[i] as keyof PageFacts])) + this.#parts[i + 1]!
    }
    return Buffer.from(page)
  }
}
