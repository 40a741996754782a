import { Pool } from '../../../src/balancer/pool/pool.ts'
import { SlotRegistry } from '../../../src/balancer/table/slot-registry.ts'
import { BackendTable } from '../../../src/balancer/table/table.ts'
import type { AlgorithmName, PoolConfig } from '../../../src/config/model/model.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { check, sink, type MicroCase } from '../micro-case.ts'

/** Acquire and release; bench/micro/pick.ts has every algorithm up to 30,000 backends. */
function pick(algorithm: AlgorithmName, size: number): MicroCase {
  return {
    group: 'balancer',
    name: `pick and give back: ${algorithm}, ${size}`,
    prepare: () => {
      const config = {
        name: 'bench',
        algorithm,
        hash: { key: { kind: 'client-ip' } },
        backends: Array.from({ length: size }, (_, index) => {
          const text = `10.0.${index >> 8}.${index & 255}:80`
          const address = { kind: 'tcp', host: text.slice(0, -3), port: 80, text }
          return { name: text, address, weight: 1, backup: false }
        }),
        queue: { max: 0, timeoutMs: 1000 },
        slowStartMs: 0,
        panicThreshold: 0
      } as unknown as PoolConfig
      const table = BackendTable.create({ capacity: size, poolCapacity: 1 })
      const slots = new SlotRegistry(table, systemClock).assign([config]).bench!
      const pool = new Pool({ config, slots, table, clock: systemClock, random: seededRandom(1) })
      const context = { hash: 1 }
      const lease = pool.acquire(context)
      check(lease !== undefined, 'a backend')
      lease!.release('ok', 5)
      return (count) => {
        for (let i = 0; i < count; i++) {
          context.hash = i
          const taken = pool.acquire(context)!
          sink.value = taken
          taken.release('ok', 5)
        }
      }
    }
  }
}

export const cases: readonly MicroCase[] = [
  pick('round-robin', 3),
  pick('weighted-round-robin', 3),
  pick('least-connections', 3),
  pick('least-connections', 300),
  pick('hash', 3)
]
