import { asSent } from '../uri/as-sent.ts'
import { normalisePath } from '../uri/normalise-path.ts'
import type { KeyMaker } from './decide/key.ts'
import { normalHost } from './decide/key.ts'
import type { UrlParts } from './policy/invalidation.ts'
import type { CacheStore, Purge } from './ports.ts'

export type Purgeable = Pick<CacheStore, 'nextEpoch' | 'purge'>

/**
 * Purges for operators, on the main thread. After a call returns, no thread finds what was purged, or finds it stale
 * (`staleAt`), and no response that was requested before the call is stored any more.
 */
export class CacheAdmin {
  readonly #store: Purgeable
  readonly #keys: () => readonly KeyMaker[]

  /** `keys`: those of the routes that use the store now, since each route may ignore other parts of a query. */
  constructor(store: Purgeable, keys: () => readonly KeyMaker[]) {
    this.#store = store
    this.#keys = keys
  }

  /**
   * URLs are absolute, http or https, and purged in every variant; undefined when one of them is not. Prefixes are the
   * beginnings of such (`https://example.com/static/`); their host is compared in lower case. Returns how many responses
   * were there.
   */
  purge(what: Purge, staleAt?: number): number | undefined {
    const named = this.#named(what)
    if (named === undefined) return undefined
    this.#store.nextEpoch()
    return this.#store.purge(named, staleAt)
  }

  #named(what: Purge): Purge | undefined {
    switch (what.kind) {
      case 'url': {
        const urls = what.values.map((url) => this.#forms(url))
        return urls.every((forms) => forms.length > 0)
          ? { kind: 'url', values: unique(urls.flat()) }
          : undefined
      }
      case 'prefix':
        return { kind: 'prefix', values: unique(what.values.map(normalPrefix)) }
      case 'tag':
        // Fields are stored byte by byte. Origins send UTF-8 today; RFC 9110 assumes latin1.
        return {
          kind: 'tag',
          values: unique(what.values.flatMap((tag) => [tag, Buffer.from(tag, 'utf8').toString('latin1')]))
        }
      case 'all':
        return what
    }
  }

  /** How keys write the URL; none when it is no URL. */
  #forms(url: string): string[] {
    // Some listeners treat `//` as `/` and some do not, so the stored key may be either.
    const readings = [partsOf(url, true), partsOf(url, false)].filter((parts) => parts !== undefined)
    return readings.flatMap((parts) => [plain(parts), ...this.#keys().map((keys) => keys.url(parts))])
  }
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
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
