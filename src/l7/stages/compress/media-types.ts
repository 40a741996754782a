/** Types worth compressing; images, video, fonts and archives are compressed already. */
export const defaultTypes = [
  'text/*',
  'application/json',
  'application/problem+json',
  'application/ld+json',
  'application/manifest+json',
  'application/javascript',
  'application/xml',
  'application/rss+xml',
  'application/atom+xml',
  'application/xhtml+xml',
  'application/wasm',
  'image/svg+xml'
]

const EVENT_STREAM = 'text/event-stream'

/** Content-Type values whose result is remembered. */
const MAX_REMEMBERED = 256

/** Which bodies are worth compressing, by Content-Type. */
export class MediaTypes {
  readonly #exact: ReadonlySet<string>
  /** `text/`: all types that begin with it. */
  readonly #main: readonly string[]
  readonly #remembered = new Map<string, boolean>()

  constructor(ranges: readonly string[]) {
    const lower = ranges.map((range) => range.toLowerCase())
    this.#exact = new Set(lower.filter((range) => !range.endsWith('/*')))
    this.#main = lower.filter((range) => range.endsWith('/*')).map((range) => range.slice(0, -1))
  }

  /** `value`: the field as received. */
  has(value: string): boolean {
    let known = this.#remembered.get(value)
    if (known === undefined) {
      known = this.#covers(essence(value))
      // A backend may put anything into the parameters.
      if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
      this.#remembered.set(value, known)
    }
    return known
  }

  #covers(type: string): boolean {
    if (this.#exact.has(type)) return true
    return type !== EVENT_STREAM && this.#main.some((main) => type.startsWith(main))
  }
}

export function isEventStream(value: string): boolean {
  return essence(value) === EVENT_STREAM
}

/** Without parameters, lower case. */
function essence(value: string): string {
  const semicolon = value.indexOf(';')
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim().toLowerCase()
}
