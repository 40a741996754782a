import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Lb } from './servers.ts'

export interface Hook {
  readonly of: string
  readonly name: string
  /** The next call throws, once. Returns how often it threw, and puts the hook back. */
  arm(when: (turn: number) => boolean): () => number
}

/** Every method that another part calls, as a place where an exception may come from. */
export function hooksOf(...classes: { readonly name: string; readonly prototype: object }[]): Hook[] {
  return classes.flatMap(({ name: of, prototype }) => {
    const methods = prototype as Record<string, (...given: unknown[]) => unknown>
    return Object.getOwnPropertyNames(prototype).flatMap((name) => {
      const { value } = Object.getOwnPropertyDescriptor(prototype, name)!
      // What ends things when others have thrown is what is tested here.
      if (typeof value !== 'function' || ['constructor', 'onInternalError'].includes(name)) return []
      const whole = value as (...given: unknown[]) => unknown
      const arm: Hook['arm'] = (when) => {
        let turns = 0
        let thrown = 0
        methods[name] = function (this: unknown, ...given) {
          if (thrown === 0 && when(++turns)) {
            thrown++
            throw new Error(`deliberately in ${of}.${name}`)
          }
          return whole.apply(this, given)
        }
        return () => {
          methods[name] = whole
          return thrown
        }
      }
      return [{ of, name, arm }]
    })
  })
}

export function metric(lb: Lb, name: string): number {
  const lines = lb.running.metrics().matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'gm'))
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0)
}

export async function settles(t: Test, lb: Lb, what: string): Promise<void> {
  const names = ['lb_connections_open', 'lb_backend_active', 'lb_queue_waiting', 'lb_backend_open']
  const left = () =>
    names.filter((name) => metric(lb, name) !== 0).map((name) => `${name} ${metric(lb, name)}`)
  for (let wait = 0; left().length > 0 && wait < 300; wait++) await sleep(10)
  if (left().length > 0) t.fail(`${what} leaves nothing behind: ${left().join(', ')}`)
}
