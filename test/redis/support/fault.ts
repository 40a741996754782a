import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { until } from './redis-server.ts'
import type { TwoProcesses } from './two-processes.ts'

/** LB_BARS=full: all faults, on a quiet machine, with the times of the bar; else some, on a machine that does other things. */
export const full = process.env['LB_BARS'] === 'full'
export const timeoutMs = full ? 100 : 500
/** Longest that a request may take. */
const mostMs = full ? timeoutMs + 150 : 20_000

/** Redis is out of order between `begin` and `end`, and that is all that anybody notices. `away`: it is none at all meanwhile. */
export interface Fault {
  readonly name: string
  readonly short?: boolean
  readonly away: boolean
  begin(): unknown
  end(): unknown
}

export async function suffer(t: Test, lbs: TwoProcesses, fault: Fault): Promise<void> {
  const before = lbs.logged()
  lbs.seen()
  let usual = 0
  if (full) {
    await sleep(2000)
    usual = lbs.seen().p99
  }
  await fault.begin()
  if (fault.away) await lbs.become('away')
  let asked = 0
  let slowest = 0
  let worstP99 = 0
  const enough = (): boolean => {
    const seen = lbs.seen()
    asked += seen.asked
    slowest = Math.max(slowest, seen.slowest)
    if (seen.asked > 200) worstP99 = Math.max(worstP99, seen.p99)
    t.strictSame(seen.wrong, [], `${fault.name}: no request fails`)
    t.ok(seen.slowest < mostMs, `${fault.name}: the slowest took ${seen.slowest.toFixed(0)} ms`)
    return asked > 500
  }
  await until('some is asked meanwhile', enough)
  if (fault.away) {
    const { status, gauges } = await lbs.told()
    t.match(status, /not reachable$/, `${fault.name}: lb status shows it`)
    t.ok(gauges.length > 0 && gauges.every((line) => line.endsWith(' 0')), `${fault.name}: ${gauges.join()}`)
  }
  await fault.end()
  await lbs.become('reachable')
  enough()
  const logged = () => lbs.logged().map((lines, i) => lines.slice(before[i]!.length))
  if (fault.away)
    await until('both have told that it is back', () =>
      logged().every((fresh) => fresh.at(-1) === 'Redis is reachable')
    )
  t.comment(
    `${fault.name}: ${asked} asked, the slowest ${slowest.toFixed(0)} ms, p99 ${worstP99.toFixed(0)} ms, before ${usual.toFixed(0)} ms`
  )
  if (full) t.ok(worstP99 < usual + timeoutMs, `${fault.name}: p99 grows by less than the timeout`)
  for (const fresh of logged()) {
    const changes = fresh.filter((line) => !/^Redis (?:refuses|is still)/.test(line))
    t.comment(`${fault.name}: ${fresh.join('; ')}`)
    // On a busy machine it may be away by itself for a moment.
    t.ok(
      changes.length <= (full && fault.away ? 2 : 8),
      `${fault.name}: a line for each change, not for each request`
    )
    t.ok(
      fresh.length - changes.length <= 2,
      `${fault.name}: a refusal is told of once a minute, another reason once`
    )
  }
}
