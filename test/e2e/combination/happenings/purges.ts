import type { PurgeTarget } from '../../../../src/admin/control-plane.ts'
import type { Runtime } from '../../../../src/runtime/runtime.ts'
import type { Seeded } from '../../../http-battery/seeded.ts'
import { pause, type Plan } from '../plan.ts'
import { CLOSED_HOST } from '../services/forward-auth.ts'

const HOSTS = ['lb.test', CLOSED_HOST, 'other.test']
const PATHS = [0, 1, 2, 3, 4, 5].flatMap((n) => [`/c/${n}`, `/v/${n}`])

/** A purge began and was done at these times. */
interface Purged {
  readonly began: number
  readonly done: number
  /** Since when it holds in other instances too, as far as promised. */
  readonly everywhere: number
}

/** Of a purge, until the others have heard of it. */
const TOLD_MS = 1_000
/** An unsafe request that took longer may not have reached other instances; ms. */
const SURE_MS = 1_500

/** What was taken out of the cache when, in ms of performance.now(). */
export class Purges {
  /** What one instance is told reaches the other. */
  reachesAll = true
  readonly #last = [new Map<string, Purged>(), new Map<string, Purged>()] as const

  tell(urls: readonly string[], began: number): void {
    const done = performance.now()
    for (const url of urls) this.#last[0].set(url, { began, done, everywhere: done + TOLD_MS })
  }

  /** A success takes what is stored for its URL out of all caches before its client has the answer (RFC 9111 §4.4). */
  wrote(plan: Plan, askedAt: number, takenAt: number): void {
    const done = performance.now()
    const everywhere = done - askedAt < SURE_MS ? done : Infinity
    this.#last[plan.instance]!.set(urlOf(plan), { began: takenAt, done, everywhere })
  }

  /** Whether one who asked at `askedAt` may get the answer that a backend was asked for at `takenAt`. */
  allow(plan: Plan, askedAt: number, takenAt: number): boolean {
    return this.#last.every((of, instance) => {
      const last = of.get(urlOf(plan))
      if (last === undefined) return true
      const other = this.reachesAll ? last.everywhere : Infinity
      return askedAt <= (instance === plan.instance ? last.done : other) || takenAt >= last.began
    })
  }
}

export function urlOf({ door, host, path }: Plan): string {
  return `${door.endsWith('tls') ? 'https' : 'http'}://${host}${path}`
}

/** URLs, prefixes and everything are purged; now and then softly. */
export async function purges(
  running: Runtime,
  told: Purges,
  seeded: Seeded,
  mayBeMissing: boolean,
  isGoingOn: () => boolean
): Promise<void> {
  while (isGoingOn()) {
    await pause(seeded.of([0, 20, 100, 300]))
    const { target, urls } = drawTarget(seeded)
    const soft = seeded.chance(0.3)
    const began = performance.now()
    try {
      await running.control.purge({ cache: 'main', target, ...(soft ? { soft } : {}) })
      if (!soft) told.tell(urls, began)
    } catch (error) {
      // A reload or a stop may have taken the cache away.
      if (!mayBeMissing) throw error
    }
  }
}

function drawTarget(seeded: Seeded): { readonly target: PurgeTarget; readonly urls: readonly string[] } {
  const all = ['http', 'https'].flatMap((scheme) =>
    HOSTS.flatMap((host) => PATHS.map((path) => `${scheme}://${host}${path}`))
  )
  if (seeded.chance(0.1)) return { target: { kind: 'all' }, urls: all }
  if (seeded.chance(0.2)) {
    const prefix = `${seeded.of(['http', 'https'])}://lb.test/${seeded.of(['c', 'v'])}/`
    const urls = all.filter((url) => url.startsWith(prefix))
    return { target: { kind: 'prefix', values: [prefix] }, urls }
  }
  const urls = all.filter(() => seeded.chance(0.3))
  if (urls.length === 0) urls.push(all[0]!)
  return { target: { kind: 'url', values: urls }, urls }
}
