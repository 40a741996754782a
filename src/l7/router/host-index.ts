import { PathIndex, type Candidate, type PathRule } from './path-index.ts'

/** How many host names are remembered with their indexes; then all are forgotten and it begins anew. */
const MAX_REMEMBERED = 1024

/**
 * Finds the path indexes that can hold routes for a host: that of the name itself, those of the wildcards above it
 * (`*.example.com` holds for subdomains of any depth, not for example.com) and that of routes for any host.
 */
export class HostIndex {
  readonly #exact = new Map<string, PathIndex>()
  /** By the part after the asterisk, with its dot. */
  readonly #wildcards = new Map<string, PathIndex>()
  readonly #any = new PathIndex()
  // Clients repeat few names: one lookup instead of one per label, and nothing allocated for wildcards.
  readonly #remembered = new Map<string, readonly PathIndex[]>()

  add(host: string, rule: PathRule, candidate: Candidate): void {
    this.#indexOf(host).add(rule, candidate)
  }

  /** In ascending order of their first route. */
  indexesFor(host: string): readonly PathIndex[] {
    const remembered = this.#remembered.get(host)
    if (remembered !== undefined) return remembered
    const indexes = this.#search(host)
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(host, indexes)
    return indexes
  }

  #indexOf(host: string): PathIndex {
    if (host === '*') return this.#any
    const wildcard = host.startsWith('*.')
    const map = wildcard ? this.#wildcards : this.#exact
    const key = wildcard ? host.slice(1) : host
    let index = map.get(key)
    if (index === undefined) map.set(key, (index = new PathIndex()))
    return index
  }

  #search(host: string): readonly PathIndex[] {
    const found: PathIndex[] = []
    const exact = this.#exact.get(host)
    if (exact !== undefined) found.push(exact)
    if (this.#wildcards.size > 0) {
      for (let dot = host.indexOf('.', 1); dot !== -1; dot = host.indexOf('.', dot + 1)) {
        const wildcard = this.#wildcards.get(host.slice(dot))
        if (wildcard !== undefined) found.push(wildcard)
      }
    }
    if (this.#any.firstOrder !== Infinity) found.push(this.#any)
    return found.sort((a, b) => a.firstOrder - b.firstOrder)
  }
}
