/**
 * Values by server name: exact names and `*.example.com`. With `oneLabel` the star stands for exactly one label, as in
 * certificates (RFC 9525 §6.3), otherwise for one or more. An exact name wins, then the longest wildcard.
 */
export class ServerNames<T> {
  readonly #exact = new Map<string, T>()
  /** `.example.com` → value. */
  readonly #suffixes = new Map<string, T>()
  readonly #oneLabel: boolean

  constructor(entries: Iterable<readonly [name: string, value: T]>, oneLabel: boolean) {
    this.#oneLabel = oneLabel
    for (const [text, value] of entries) {
      const name = text.toLowerCase()
      const map = name.startsWith('*.') ? this.#suffixes : this.#exact
      const key = name.startsWith('*.') ? name.slice(1) : name
      // The first of equal names wins, as with routes.
      if (!map.has(key)) map.set(key, value)
    }
  }

  /** `name` in lower case. */
  find(name: string): T | undefined {
    const exact = this.#exact.get(name)
    if (exact !== undefined || this.#suffixes.size === 0) return exact
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      const value = dot === 0 ? undefined : this.#suffixes.get(name.slice(dot))
      if (value !== undefined || this.#oneLabel) return value
    }
    return undefined
  }
}
