import { errorAt, type Finding } from './problem.ts'
import { type Raw, type RawMap, select, valueAt } from '../raw.ts'

/**
 * `mode: udp` is a common guess. It gets its own message, and the rest is checked as if it had been written correctly.
 */
export function refuseUdpMode(root: Raw): Finding[] {
  const findings: Finding[] = []
  for (const { path, value } of select(root, ['listeners', '*', 'mode'])) {
    if (value !== 'udp') continue
    findings.push(errorAt(path, '"mode" is l4 or l7; for datagrams write `mode: l4, protocol: udp`'))
    ;(valueAt(root, path.slice(0, -1)) as RawMap)['mode'] = 'l4'
  }
  return findings
}
