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
}

/** What was taken out of the cache when, in ms of performance.now(). */
export class Purges {
  readonly #last = new Map<string, Purged>()

  /** `keys`: host and path of each. */
  tell(keys: readonly string[], began: number): void {
    for (const key of keys) this.#last.set(key, { began, done: performance.now() })
  }

  /** Whether one who asked at `askedAt` may get the answer that a backend was asked for at `takenAt`. */
  allow({ host, path }: Plan, askedAt: number, takenAt: number): boolean {
    const last = this.#last.get(`${host}${path}`)
    return last === undefined || askedAt <= last.done || takenAt >= last.began
  }
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
    const { target, keys } = drawTarget(seeded)
    const soft = seeded.chance(0.3)
    const began = performance.now()
    try {
      await running.control.purge({ cache: 'main', target, ...(soft ? { soft } : {}) })
      if (!soft) told.tell(keys, began)
    } catch (error) {
      // A reload or a stop may have taken the cache away.
      if (!mayBeMissing) throw error
    }
  }
}

function drawTarget(seeded: Seeded): { readonly target: PurgeTarget; readonly keys: readonly string[] } {
  const all = HOSTS.flatMap((host) => PATHS.map((path) => `${host}${path}`))
  if (seeded.chance(0.1)) return { target: { kind: 'all' }, keys: all }
  if (seeded.chance(0.2)) {
    const prefix = `lb.test/${seeded.of(['c', 'v'])}/`
    const values = [`http://${prefix}`, `https://${prefix}`]
    return { target: { kind: 'prefix', values }, keys: all.filter((key) => key.startsWith(prefix)) }
  }
  const keys = all.filter(() => seeded.chance(0.3))
  if (keys.length === 0) keys.push(all[0]!)
  return { target: { kind: 'url', values: keys.flatMap((key) => [`http://${key}`, `https://${key}`]) }, keys }
}
