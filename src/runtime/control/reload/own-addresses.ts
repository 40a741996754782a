import type { Bind } from '../../../config/model/bind.ts'
import type { Config } from '../../../config/model/model.ts'
import type { Clock } from '../../../core/clock.ts'
import { overlaps } from '../../plane/sockets/probe-bind.ts'

/** A closing socket first accepts queued connections, for a second at most; longer where the machine is busy. */
const GIVEN_UP_WITHIN_MS = 5_000
/** A thread that was blocked, by reading a large configuration, may not have closed what went long ago by the clock. */
const REMEMBERED_MS = 60_000
const LOOK_EVERY_MS = 20

/**
 * Addresses that lb itself holds, or held until a moment ago, so that they are not taken for another program's:
 * addresses that move between listeners, or come back soon after they went.
 */
export class OwnAddresses {
  readonly #clock: Clock
  /** When they were released, by their text. */
  readonly #gone = new Map<string, { readonly bind: Bind; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** `next` is in force instead of `before`. */
  changed(before: Config, next: Config): void {
    const at = this.#clock.now()
    for (const [text, gone] of this.#gone) if (at - gone.at > REMEMBERED_MS) this.#gone.delete(text)
    const gone = [
      ...without(listenerBinds(before), listenerBinds(next)),
      ...without(before.admin?.binds ?? [], next.admin?.binds ?? [])
    ]
    for (const bind of gone) this.#gone.set(bind.text, { bind, at })
  }

  /**
   * Calls `take`; if one of `binds` is in use only because lb is about to release it, tries again until that is done.
   */
  async taking<T>(binds: readonly Bind[], take: () => Promise<T>): Promise<T> {
    const began = this.#clock.now()
    for (;;) {
      try {
        return await take()
      } catch (error) {
        const inUse = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
        if (!inUse || !binds.some((bind) => this.#isLettingGo(bind, began))) throw error
      }
      await new Promise<void>((resolve) => this.#clock.after(LOOK_EVERY_MS, resolve))
    }
  }

  /**
   * A call that began at `began` waits as long as a socket takes to close, even if the clock says that it should be
   * closed.
   */
  #isLettingGo(bind: Bind, began: number): boolean {
    const now = this.#clock.now()
    for (const gone of this.#gone.values()) {
      if (!overlaps(bind, [gone.bind]) || now - gone.at > REMEMBERED_MS) continue
      if (now - Math.max(gone.at, began) < GIVEN_UP_WITHIN_MS) return true
    }
    return false
  }
}

/** Addresses of the admin listener that listeners of `next` will use. */
export function cededByAdmin(before: Config, next: Config): readonly Bind[] {
  return movedFrom(before.admin?.binds ?? [], listenerBinds(next))
}

/** Addresses of listeners that the admin listener of `next` will use. */
export function cededToAdmin(before: Config, next: Config): readonly Bind[] {
  return movedFrom(listenerBinds(before), next.admin?.binds ?? [])
}

export function bindsOf(config: Config): readonly Bind[] {
  return [...listenerBinds(config), ...(config.admin?.binds ?? [])]
}

/** Datagrams do not conflict with the admin listener. */
function listenerBinds({ listeners }: Config): readonly Bind[] {
  return listeners.flatMap((listener) =>
    listener.mode === 'l4' && listener.protocol === 'udp' ? [] : listener.binds
  )
}

function without(binds: readonly Bind[], kept: readonly Bind[]): readonly Bind[] {
  const texts = new Set(kept.map(({ text }) => text))
  return binds.filter(({ text }) => !texts.has(text))
}

function movedFrom(from: readonly Bind[], to: readonly Bind[]): readonly Bind[] {
  return from.filter((bind) => (bind.kind !== 'tcp' || bind.port !== 0) && overlaps(bind, to))
}
