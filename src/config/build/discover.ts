import type { Discovery } from '../model/model.ts'
import type { DiscoverInput } from '../schema/pool/discover.ts'
import type { ResolvePath } from './paths.ts'

export function buildDiscover(input: DiscoverInput, absolute: ResolvePath): Discovery {
  if ('dns' in input) {
    const { dns: name, type, port, interval: intervalMs, servers } = input
    return { kind: 'dns', name, type, port, intervalMs, servers }
  }
  if ('file' in input) return { kind: 'file', path: absolute(input.file) }
  if ('http' in input) {
    return { kind: 'http', url: input.http, intervalMs: input.interval, headers: input.headers }
  }
  if ('docker' in input) return { kind: 'docker', ...input.docker, socket: absolute(input.docker.socket) }
  if ('kubernetes' in input) {
    const { kubeconfig } = input.kubernetes
    return {
      kind: 'kubernetes',
      ...input.kubernetes,
      kubeconfig: kubeconfig === undefined ? undefined : absolute(kubeconfig)
    }
  }
  return { kind: 'consul', ...input.consul }
}
