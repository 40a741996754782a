import { cookieValue } from '../../../../../core/cookies.ts'

/** Browsers accept 4096 bytes per cookie, name and attributes included. */
const PART = 3600
const MAX_PARTS = 5

/** Stores one value in as many cookies as it needs. */
export class CookieJar {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  get names(): readonly string[] {
    return Array.from({ length: MAX_PARTS }, (_, part) => this.#nameOf(part))
  }

  read(field: string | undefined): string | undefined {
    const first = cookieValue(field, this.#name)
    if (first === undefined) return undefined
    const dot = first.indexOf('.')
    const parts = Number(first.slice(0, dot))
    if (!(parts >= 1 && parts <= MAX_PARTS)) return undefined
    let value = first.slice(dot + 1)
    for (let part = 1; part < parts; part++) {
      const more = cookieValue(field, this.#nameOf(part))
      if (more === undefined) return undefined
      value += more
    }
    return value
  }

  /**
   * Set-Cookie lines; '' when the value is too long. Leftover parts of an older, longer value are ignored on reading.
   */
  write(value: string, attributes: string): string {
    const parts = Math.ceil(value.length / PART)
    if (parts > MAX_PARTS) return ''
    let lines = ''
    for (let part = 0; part < parts; part++) {
      const text = value.slice(part * PART, (part + 1) * PART)
      lines += `Set-Cookie: ${this.#nameOf(part)}=${part === 0 ? `${parts}.` : ''}${text}; ${attributes}\r\n`
    }
    return lines
  }

  /** Lines that delete the parts that the request has. */
  clear(field: string | undefined, attributes: string): string {
    return this.names
      .filter((name) => cookieValue(field, name) !== undefined)
      .map((name) => deletion(name, attributes))
      .join('')
  }

  #nameOf(part: number): string {
    return part === 0 ? this.#name : `${this.#name}_${part}`
  }
}

/** A Set-Cookie line that deletes a cookie; `attributes` as when it was set. */
export function deletion(name: string, attributes: string): string {
  return `Set-Cookie: ${name}=; ${attributes}; Max-Age=0\r\n`
}
