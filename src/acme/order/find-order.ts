import { isIP } from 'node:net'
import type { Account } from '../client/account.ts'
import type { Identifier, OrderResource } from '../client/resources.ts'

const MAX_PAGES = 20
const MAX_LOOKED_AT = 50

export function identifierOf(name: string): Identifier {
  return { type: isIP(name) === 0 ? 'dns' : 'ip', value: name }
}

/**
 * An order for this name that was asked for by a process that ended before it could write the URL down. Authorities that
 * give no list (RFC 8555 §7.1.2.1) answer a second request with the order that is pending.
 */
export async function findOrder(account: Account, name: string): Promise<string | undefined> {
  const { body } = await account.post(await account.url())
  const list = (body as { orders?: unknown } | undefined)?.orders
  if (typeof list !== 'string' || !URL.canParse(list)) return undefined
  const urls: string[] = []
  let page: string | undefined = list
  for (let pages = 0; page !== undefined && pages < MAX_PAGES; pages++) {
    const answer = await account.post(page)
    const { orders } = (answer.body ?? {}) as { orders?: unknown }
    if (Array.isArray(orders)) urls.push(...orders.filter((url) => typeof url === 'string'))
    page = answer.next === undefined ? undefined : new URL(answer.next, page).href
  }
  // The newest are last.
  for (const url of urls.reverse().slice(0, MAX_LOOKED_AT)) {
    const { status, identifiers } = (await account.post(url)).body as OrderResource
    if (status !== 'pending' && status !== 'ready') continue
    const [one, more] = identifiers
    if (more === undefined && one?.value === name) return url
  }
  return undefined
}
