import fc from 'fast-check'
import t from 'tap'
import { ClientSide } from './windows/client-side.ts'
import { ServerSide } from './windows/server-side.ts'
import { Simulation, type Step } from './windows/simulation.ts'
import type { TransportKind } from './windows/transports.ts'

// Longer: LB_RUNS=5000 node test/l7/http2/windows.test.ts

const RUNS = Number(process.env['LB_RUNS'] ?? 40)

const at = fc.nat(11)
const size = fc.oneof(
  fc.constantFrom(1, 100, 16_384, 16_385, 65_535, 70_000, 262_144),
  fc.integer({ min: 1, max: 100_000 })
)
const credit = fc.oneof(
  fc.constantFrom(1, 9, 100, 16_384, 65_535, 1_000_000),
  fc.integer({ min: 1, max: 40_000 })
)
const priority = fc.constantFrom('', 'u=1', 'i', 'u=1, i', 'u=7')
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const), uploads: fc.boolean(), priority }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('piece' as const), at, size, way: fc.constantFrom('copied', 'owned', 'text') }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('credit' as const), at, size: credit }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('data' as const), at, size, ends: fc.nat(9).map((n) => n === 0) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('complete', 'turn', 'settle') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('hold', 'read', 'read'), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('end', 'end', 'reset'), at }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settings' as const), initial: fc.constantFrom(0, 1, 100, 16_384, 65_535, 200_000, 1_000_000, 1_000_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('priority' as const), at, value: priority }) }
) // prettier-ignore

t.setTimeout(600_000)

for (const [name, side] of [
  ['answers to a client', ServerSide],
  ['uploads to a backend', ClientSide]
] as const) {
  for (const kind of ['tls', 'raw', 'sockets'] satisfies TransportKind[]) {
    t.test(`${name} go out as far as the windows allow, and no further, over ${kind}`, async (t) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
          const simulation = new Simulation(side, kind, side === ServerSide)
          const wrong = await simulation.run([{ kind: 'open', uploads: true, priority: '' }, ...steps])
          if (wrong.length > 0) throw new Error(wrong.slice(0, 3).join('\n'))
        }),
        { numRuns: RUNS, ...(process.env['LB_SEED'] && { seed: Number(process.env['LB_SEED']) }) }
      )
      t.pass('nothing stands still')
    })
  }
}
