import type { BackendConfig } from '../config/model/model.ts'

/** Sorts the backends of one source by name, time and again: those of before are in order already, and only new ones are sorted in. */
export class NameOrder {
  #last: readonly BackendConfig[] = []

  sort(backends: readonly BackendConfig[]): readonly BackendConfig[] {
    const left = new Set(backends)
    const sorted = this.#last.filter((backend) => left.delete(backend))
    if (left.size > 0) {
      for (const backend of left) sorted.push(backend)
      sorted.sort(byName)
    }
    return (this.#last = sorted)
  }
}

function byName(a: BackendConfig, b: BackendConfig): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0
}
