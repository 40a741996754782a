import { asSent } from '../uri/as-sent.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import type { KeyMaker } from './decide/key.ts'
import { normalHost } from './decide/key.ts'
import type { UrlParts } from './policy/invalidation.ts'
import type { CacheStore } from './ports.ts'

export type Purgeable = Pick<
  CacheStore,
  'nextEpoch' | 'removeUrl' | 'removePrefix' | 'removeTag' | 'removeAll'
>

export interface Purged {
  readonly purged: number
}

/**
 * Purges for operators, on the main thread. After a call returns, no thread finds what was purged, and no response that
 * was requested before the call is stored any more.
 */
export class CacheAdmin {
  readonly #store: Purgeable
  readonly #keys: () => readonly KeyMaker[]

  /** `keys`: those of the routes that use the store now, since each route may ignore other parts of a query. */
  constructor(store: Purgeable, keys: () => readonly KeyMaker[]) {
    this.#store = store
    this.#keys = keys
  }

  /** Every variant of one absolute http or https URL; undefined when it is none. */
  purgeUrl(url: string): Purged | undefined {
    // Some listeners treat `//` as `/` and some do not, so the stored key may be either.
    const readings = [partsOf(url, true), partsOf(url, false)].filter((parts) => parts !== undefined)
    if (readings.length === 0) return undefined
    this.#store.nextEpoch()
    const urls = new Set(
      readings.flatMap((parts) => [plain(parts), ...this.#keys().map((keys) => keys.url(parts))])
    )
    let purged = 0
    for (const key of urls) purged += this.#store.removeUrl(key)
    return { purged }
  }

  /** Every URL that begins with this text: `https://example.com/static/`. The host is compared in lower case. */
  purgePrefix(prefix: string): Purged {
    this.#store.nextEpoch()
    return { purged: this.#store.removePrefix(normalPrefix(prefix)) }
  }

  purgeTag(tag: string): Purged {
    this.#store.nextEpoch()
    // Fields are stored byte by byte. Origins send UTF-8 today; RFC 9110 assumes latin1.
    const tags = new Set([tag, Buffer.from(tag, 'utf8').toString('latin1')])
    let purged = 0
    for (const form of tags) purged += this.#store.removeTag(form)
    return { purged }
  }

  purgeAll(): Purged {
    this.#store.nextEpoch()
    return { purged: this.#store.removeAll() }
  }
}

const absolute = /^(https?):\/\/([^/?#]+)([^?#]*)(?:\?([^#]*))?/i

function partsOf(text: string, mergeSlashes: boolean): UrlParts | undefined {
  const url = asSent(text)
  const match = absolute.exec(url)
  if (match === null || url.length > 16_384) return undefined
  const path = normalisePath(match[3] === '' ? '/' : match[3]!, {
    encodedSlash: 'keep',
    mergeSlashes,
    semicolons: 'keep'
  })
  if (path === undefined) return undefined
  const scheme = match[1]!.toLowerCase() as 'http' | 'https'
  return { scheme, host: match[2]!, path, query: match[4] ?? '' }
}

function plain({ scheme, host, path, query }: UrlParts): string {
  return `${scheme}://${normalHost(host, scheme)}${path}${query === '' ? '' : `?${query}`}`
}

function normalPrefix(text: string): string {
  const prefix = asSent(text)
  const match = absolute.exec(prefix)
  if (match === null) return prefix.toLowerCase()
  const scheme = match[1]!.toLowerCase() as 'http' | 'https'
  const origin = match[1]!.length + 3 + match[2]!.length
  // Without a slash the host may continue, so its port must stay as it is.
  const host = prefix[origin] === undefined ? match[2]!.toLowerCase() : normalHost(match[2]!, scheme)
  return `${scheme}://${host}${prefix.slice(origin)}`
}
