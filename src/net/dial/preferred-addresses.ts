/** How long an address goes first that answered where an earlier one did not. */
const PREFER_MS = 600_000
/** Names come from the configuration; the bound is for configurations that keep changing. */
const MAX_NAMES = 4_096

/**
 * Of names with several addresses, the one that connected while an earlier one kept silent (IPv6 that is announced and not routed): without
 * it every new connection would wait a quarter of a second for the silent one. After ten minutes the resolver's order is tried again.
 */
export class PreferredAddresses {
  readonly #chosen = new Map<string, { readonly address: string; readonly until: number }>()

  /** `addresses` in the order to try them. */
  order(name: string, addresses: readonly string[], now: number): readonly string[] {
    const chosen = this.#chosen.get(name)
    if (chosen === undefined || !addresses.includes(chosen.address)) return addresses
    if (now >= chosen.until) {
      this.#chosen.delete(name)
      return addresses
    }
    return [chosen.address, ...addresses.filter((address) => address !== chosen.address)]
  }

  /** `address` connected while one before it had not answered. */
  outran(name: string, address: string, now: number): void {
    if (this.#chosen.size >= MAX_NAMES) this.#chosen.clear()
    this.#chosen.set(name, { address, until: now + PREFER_MS })
  }

  failed(name: string, address: string): void {
    if (this.#chosen.get(name)?.address === address) this.#chosen.delete(name)
  }
}
