import { MessageChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads'
import type { BackendConfig } from '../../config/model/pool-model.ts'
import { breathe } from '../plane/breathe.ts'
import type { PoolPlan, PlaneDelta } from '../plane/plane-snapshot.ts'

/** Backends per message, and per turn of the worker's event loop: 0.4 ms. */
const BACKENDS_PER_PART = 250

/** A pool with its first backends, or more of them. */
type Part =
  { readonly plan: PoolPlan } | { readonly pool: string; readonly backends: readonly BackendConfig[] }

/**
 * Moves the pools of a delta to a port, in pieces, and leaves their names: a worker would take 12 to 40 ms to read one
 * message with 10,000 backends. From a port it reads piece by piece, between requests.
 */
export function splitDelta(delta: PlaneDelta): { delta: PlaneDelta; parts: MessagePort | undefined } {
  const changed = delta.pools.filter((part) => typeof part !== 'string')
  if (changed.length === 0) return { delta, parts: undefined }
  const { port1, port2 } = new MessageChannel()
  for (const plan of changed) {
    const { name, backends } = plan.config
    const first = { ...plan, config: { ...plan.config, backends: backends.slice(0, BACKENDS_PER_PART) } }
    port1.postMessage({ plan: first } satisfies Part)
    for (let from = BACKENDS_PER_PART; from < backends.length; from += BACKENDS_PER_PART) {
      const more = backends.slice(from, from + BACKENDS_PER_PART)
      port1.postMessage({ pool: name, backends: more } satisfies Part)
    }
  }
  const pools = delta.pools.map((part) => (typeof part === 'string' ? part : part.config.name))
  return { delta: { ...delta, pools }, parts: port2 }
}

/** Puts the pools back into the delta. Closes the port, at both ends. */
export async function joinDelta(delta: PlaneDelta, parts: MessagePort | undefined): Promise<PlaneDelta> {
  if (parts === undefined) return delta
  const plans = new Map<string, PoolPlan>()
  const more = new Map<string, BackendConfig[]>()
  let read = 0
  for (;;) {
    const part = (receiveMessageOnPort(parts) as { message: Part } | undefined)?.message
    if (part === undefined) break
    const backends = 'plan' in part ? part.plan.config.backends : part.backends
    if ('plan' in part) {
      plans.set(part.plan.config.name, part.plan)
      if (backends.length === BACKENDS_PER_PART) more.set(part.plan.config.name, [...backends])
    } else more.get(part.pool)!.push(...backends)
    // A pool without backends takes time too.
    read += Math.max(10, backends.length)
    if (read < BACKENDS_PER_PART) continue
    read = 0
    await breathe()
  }
  parts.close()
  for (const [name, backends] of more) {
    const plan = plans.get(name)!
    plans.set(name, { ...plan, config: { ...plan.config, backends } })
  }
  const pools = delta.pools.map((part) => (typeof part === 'string' ? (plans.get(part) ?? part) : part))
  return { ...delta, pools }
}
