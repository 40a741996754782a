import { isIP } from 'node:net'
import { textOf } from '../../environment/env-text.ts'
import { isMap, type Raw, select, valueAt } from '../../raw.ts'
import { errorAt, type Finding, warningAt } from '../../report/problem.ts'
import { checkPublicAcme } from './public-acme.ts'

/** Checks that `acme` and the listeners that use it agree. */
export function checkAcme(root: Raw): Finding[] {
  const findings: Finding[] = []
  const acme = valueAt(root, ['acme'])
  const said = isMap(acme) ? acme : {}
  const challenge = textOf(said['challenge']) ?? 'tls-alpn-01'
  const hook = said['hook']
  if (challenge === 'dns-01' && hook === undefined)
    findings.push(
      errorAt(['acme', 'challenge'], 'dns-01 needs "hook": the program that puts records in place')
    )
  if (challenge !== 'dns-01' && hook !== undefined)
    findings.push(
      errorAt(['acme', 'hook'], `is for dns-01, and the challenge is ${challenge}; take it out`, 'key')
    )
  let used = 0
  for (const { path, value } of select(root, ['listeners', '*', 'tls', 'acme'])) {
    used++
    if (!isMap(value)) continue
    if (value['domains'] === undefined && value['onDemand'] === undefined)
      findings.push(errorAt(path, 'names no names; give it "domains" or "onDemand"', 'key'))
    const domains = Array.isArray(value['domains']) ? (value['domains'] as readonly Raw[]) : []
    for (const [i, each] of domains.entries()) {
      const name = textOf(each) ?? ''
      const at = [...path, 'domains', i]
      if (name.startsWith('*.') && challenge !== 'dns-01')
        findings.push(
          errorAt(at, `"${name}" can be proved by \`challenge: dns-01\` only, not by ${challenge}`)
        )
      if (isIP(name) !== 0 && challenge === 'dns-01')
        findings.push(errorAt(at, `an address cannot be proved by dns-01; take tls-alpn-01 or http-01`))
    }
  }
  if (acme !== undefined && used === 0)
    findings.push(warningAt(['acme'], 'no listener has `tls: { acme: … }`, so nothing is ordered', 'key'))
  if (challenge === 'http-01' && used > 0 && !hasClearText(root)) {
    const message = 'http-01 is validated in clear text, and no l7 listener without "tls" could answer'
    findings.push(errorAt(['acme', 'challenge'], message))
  }
  const storage = textOf(said['storage']) ?? ''
  if (storage.endsWith('.json'))
    findings.push(
      warningAt(['acme', 'storage'], 'is the name of a folder; the acme.json of another program is not read')
    )
  return used > 0 ? [...findings, ...checkPublicAcme(root)] : findings
}

function hasClearText(root: Raw): boolean {
  return [...select(root, ['listeners', '*'])].some(
    ({ value }) => isMap(value) && value['mode'] === 'l7' && value['tls'] === undefined
  )
}
