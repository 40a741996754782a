import { targetNames, type TargetName } from '../targets/target.ts'
import type { Contestant } from './scenario.ts'

export function contestants(...names: TargetName[]): Contestant[] {
  return names.map((name) => ({ label: name, target: name }))
}

export const servers: readonly TargetName[] = ['lb', 'nginx', 'haproxy', 'caddy']

/** lb, the servers in C and Go, and every proxy from npm. */
export const everyProxy: readonly TargetName[] = targetNames.filter(
  (name) => name !== 'direct' && name !== 'varnish'
)

/** The same work over plain TCP. */
export const layer4: readonly Contestant[] = contestants('lb', 'nginx', 'haproxy').map((contestant) => ({
  ...contestant,
  work: { mode: 'tcp' }
}))
