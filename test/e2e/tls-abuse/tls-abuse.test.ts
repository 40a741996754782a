import t from 'tap'
import { runAbuse } from './run-abuse.ts'

// LB_ABUSE_CONNECTIONS=100000 for a hunt; long.ts shows what it is at.
const connections = Number(process.env['LB_ABUSE_CONNECTIONS'] ?? 250)

t.test(
  'TLS clients that misbehave in every phase leave nothing behind, under a collector that never rests',
  async (t) => {
    const report = await runAbuse({
      ...{ folder: t.testdir({}), seed: 4, connections, atOnce: 100, whole: 0.3, collectEveryMs: 1_000 }
    })
    t.same(report.faults, [])
    t.equal(report.made, connections)
    t.equal(report.open, 0)
    t.ok(report.descriptors.after <= report.descriptors.before + 10, JSON.stringify(report.descriptors))
    t.ok(report.counts.size >= 15, `${report.counts.size} ways`)
  }
)
