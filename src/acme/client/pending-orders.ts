import type { AcmeAnswer } from './acme-client.ts'
import type { OrderResource } from './resources.ts'

const MAX_PAGES = 20
const MAX_LOOKED_AT = 50

interface Asked {
  post(url: string): Promise<AcmeAnswer>
  /** URL of the account. */
  url(): Promise<string>
}

/**
 * Orders of a process that ended before it could store their URLs, name → URL. Authorities without a list (RFC 8555
 * §7.1.2.1) answer a second request with the pending order.
 */
export class PendingOrders {
  readonly #account: Asked
  #reading: Promise<ReadonlyMap<string, string>> | undefined
  #next: Promise<ReadonlyMap<string, string>> | undefined

  constructor(account: Asked) {
    this.#account = account
  }

  /** The list is read once for all concurrent callers. A read that has begun already may be older than the order. */
  async find(name: string): Promise<string | undefined> {
    if (this.#reading === undefined) return (await this.#begin()).get(name)
    this.#next ??= this.#reading.then(
      () => this.#begin(),
      () => this.#begin()
    )
    return (await this.#next).get(name)
  }

  #begin(): Promise<ReadonlyMap<string, string>> {
    this.#next = undefined
    const reading = this.#read().finally(() => (this.#reading = undefined))
    this.#reading = reading
    return reading
  }

  async #read(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    const { body } = await this.#account.post(await this.#account.url())
    const list = (body as { orders?: unknown } | undefined)?.orders
    if (typeof list !== 'string' || !URL.canParse(list)) return found
    const urls: string[] = []
    let page: string | undefined = list
    for (let pages = 0; page !== undefined && pages < MAX_PAGES; pages++) {
      const answer = await this.#account.post(page)
      const { orders } = (answer.body ?? {}) as { orders?: unknown }
      if (Array.isArray(orders)) urls.push(...orders.filter((url) => typeof url === 'string'))
      page = answer.next === undefined ? undefined : new URL(answer.next, page).href
    }
    // The newest are last.
    for (const url of urls.reverse().slice(0, MAX_LOOKED_AT)) {
      const { status, identifiers } = (await this.#account.post(url)).body as OrderResource
      if (status !== 'pending' && status !== 'ready') continue
      const [one, more] = identifiers
      if (one !== undefined && more === undefined && !found.has(one.value)) found.set(one.value, url)
    }
    return found
  }
}
