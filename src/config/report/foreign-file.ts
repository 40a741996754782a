import { errorAt, type Finding } from './problem.ts'
import type { RawMap } from '../raw.ts'

/** Top-level keys of other programs' YAML and JSON. */
const OWNERS = new Map([
  ['static_resources', "Envoy's"],
  ['dynamic_resources', "Envoy's"],
  ['entryPoints', "Traefik's"],
  ['certificatesResolvers', "Traefik's"],
  ['providers', "Traefik's"],
  ['apiVersion', "Kubernetes'"],
  ['kind', "Kubernetes'"],
  ['apps', "Caddy's"],
  ['services', "Docker Compose's or Traefik's"],
  ['scrape_configs', "Prometheus'"]
])

/** Recognises the file of another program, so that it is reported once and not key by key. */
export function foreignFile(root: RawMap): Finding | undefined {
  if ('listeners' in root || 'pools' in root) return undefined
  const key = Object.keys(root).find((each) => OWNERS.has(each))
  if (key === undefined) return undefined
  const message = `this looks like a file of ${OWNERS.get(key)!}; lb uses other keys, and docs/config.md begins with an example`
  return errorAt([key], message, 'key')
}
