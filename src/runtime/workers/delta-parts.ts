import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import { listEdits, type Edit } from '../../balancer/table/list-edits.ts'
import type { BackendConfig } from '../../config/model/pool-model.ts'
import { breathe } from '../plane/breathe.ts'
import type { PoolPlan, PlaneDelta, PlaneSnapshot } from '../plane/plane-snapshot.ts'

/** Backends per message, and per turn of the worker's event loop: 0.4 ms. */
const BACKENDS_PER_PART = 250

/** A backend with its row in the table. */
interface Member {
  readonly config: BackendConfig
  readonly slot: number
}

/** A pool without its backends, or the next of them: new ones, and stretches of those that the worker has. */
type Part = { readonly plan: PoolPlan } | { readonly pool: string; readonly edits: readonly Edit<Member>[] }

/**
 * Moves the pools of a delta to a port, in pieces, and leaves their names: a worker would take 12 to 40 ms to read one
 * message with 10,000 backends. From a port it reads piece by piece, between requests. Of backends that stay as in
 * `before` it is told the places only.
 */
export function splitDelta(
  delta: PlaneDelta,
  before?: PlaneSnapshot
): { delta: PlaneDelta; parts: MessagePort | undefined } {
  const changed = delta.pools.filter((part) => typeof part !== 'string')
  if (changed.length === 0) return { delta, parts: undefined }
  const { port1, port2 } = new MessageChannel()
  for (const plan of changed) {
    const { name } = plan.config
    const bare = { ...plan, config: { ...plan.config, backends: [] }, slots: { ...plan.slots, backends: [] } }
    port1.postMessage({ plan: bare } satisfies Part)
    for (const edits of inParts(memberEdits(before?.pools.get(name), plan)))
      port1.postMessage({ pool: name, edits } satisfies Part)
  }
  const pools = delta.pools.map((part) => (typeof part === 'string' ? part : part.config.name))
  return { delta: { ...delta, pools }, parts: port2 }
}

/** A backend stays where it is the same object in the same row. */
function memberEdits(before: PoolPlan | undefined, { config, slots }: PoolPlan): Edit<Member>[] {
  const known = before?.config.backends ?? []
  const stays = (from: number, to: number): boolean => before!.slots.backends[from] === slots.backends[to]
  let at = 0
  return listEdits(known, config.backends, stays).map((edit) => {
    if ('count' in edit) {
      at += edit.count
      return edit
    }
    return { items: edit.items.map((config) => ({ config, slot: slots.backends[at++]! })) }
  })
}

/** Each with at most so many new backends, and so many stretches. */
function* inParts(edits: readonly Edit<Member>[]): Generator<readonly Edit<Member>[]> {
  let part: Edit<Member>[] = []
  let size = 0
  for (const edit of edits) {
    const items = 'items' in edit ? edit.items : undefined
    for (let from = 0; from < (items?.length ?? 1);) {
      const some = items?.slice(from, from + BACKENDS_PER_PART - size)
      part.push(some === undefined ? edit : { items: some })
      size += some?.length ?? 1
      from += some?.length ?? 1
      if (size < BACKENDS_PER_PART) continue
      yield part
      part = []
      size = 0
    }
  }
  if (size > 0) yield part
}

/** Puts the pools back into the delta, on those of `before`. Closes the port, at both ends. */
export async function joinDelta(
  delta: PlaneDelta,
  parts: MessagePort | undefined,
  before?: PlaneSnapshot
): Promise<PlaneDelta> {
  if (parts === undefined) return delta
  const plans = new Map<string, GrowingPlan>()
  let read = 0
  for (;;) {
    const part = (receiveMessageOnPort(parts) as { message: Part } | undefined)?.message
    if (part === undefined) break
    if ('plan' in part) {
      const { name } = part.plan.config
      plans.set(name, new GrowingPlan(part.plan, before?.pools.get(name)))
      // A pool without backends takes time too.
      read += 10
    } else read += plans.get(part.pool)!.add(part.edits)
    if (read < BACKENDS_PER_PART) continue
    read = 0
    await breathe()
  }
  parts.close()
  const pools = delta.pools.map((part) =>
    typeof part === 'string' ? (plans.get(part)?.whole() ?? part) : part
  )
  return { ...delta, pools }
}

/** A pool whose backends come piece by piece. */
class GrowingPlan {
  readonly #plan: PoolPlan
  readonly #before: PoolPlan | undefined
  readonly #backends: BackendConfig[] = []
  readonly #slots: number[] = []

  constructor(plan: PoolPlan, before: PoolPlan | undefined) {
    this.#plan = plan
    this.#before = before
  }

  /** Returns for how many backends' work that was. */
  add(edits: readonly Edit<Member>[]): number {
    let work = 0
    for (const edit of edits) {
      if ('items' in edit) {
        for (const { config, slot } of edit.items) {
          this.#backends.push(config)
          this.#slots.push(slot)
        }
        work += edit.items.length
        continue
      }
      const { config, slots } = this.#before!
      for (let i = edit.from; i < edit.from + edit.count; i++) {
        this.#backends.push(config.backends[i]!)
        this.#slots.push(slots.backends[i]!)
      }
      work += 1 + edit.count / 100
    }
    return work
  }

  whole(): PoolPlan {
    const { config, slots } = this.#plan
    return {
      ...this.#plan,
      config: { ...config, backends: this.#backends },
      slots: { ...slots, backends: this.#slots }
    }
  }
}
