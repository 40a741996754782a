/** The labels of a container, for its backend. */
export interface BackendLabels {
  enable?: boolean
  port?: number
  weight?: number
  maxConnections?: number
  backup?: boolean
  name?: string
  network?: string
}

const KNOWN = ['pool', 'enable', 'port', 'weight', 'maxConnections', 'backup', 'name', 'network'] as const

/** Traefik's labels with the same meaning. */
const TRAEFIK_PORT = /^traefik\.(?:http|tcp)\.services\.[^.]+\.loadbalancer\.server\.port$/i

/**
 * Reads the labels `lb.*`, and Traefik's `traefik.enable`, `traefik.docker.network` and `…loadbalancer.server.port`.
 * `lb.*` wins. Unknown or invalid labels of lb are reported and ignored. Pure.
 */
export function readLabels(given: Readonly<Record<string, string>>): {
  readonly labels: BackendLabels
  readonly warnings: readonly string[]
} {
  const labels: BackendLabels = {}
  const warnings: string[] = []
  const entries = Object.entries(given).slice(0, 500)
  for (const [key, value] of entries) readTraefik(key, value, labels)
  for (const [key, value] of entries) {
    if (!key.startsWith('lb.')) continue
    const name = KNOWN.find((each) => each.toLowerCase() === key.slice(3).toLowerCase())
    if (name === undefined)
      warnings.push(
        `label ${key.slice(0, 100)} is unknown; known are ${KNOWN.map((each) => `lb.${each}`).join(', ')}`
      )
    else if (!readOwn(name, value, labels))
      warnings.push(`label ${key}: "${value.slice(0, 100)}" is ${expected(name)}`)
  }
  return { labels, warnings }
}

function readTraefik(key: string, value: string, labels: BackendLabels): void {
  if (key === 'traefik.enable') labels.enable = value !== 'false'
  else if (key === 'traefik.docker.network' && value !== '') labels.network = value
  else if (TRAEFIK_PORT.test(key)) {
    const port = wholeNumber(value, 65_535)
    if (port !== undefined) labels.port = port
  }
}

function readOwn(name: (typeof KNOWN)[number], value: string, labels: BackendLabels): boolean {
  switch (name) {
    case 'pool':
      return true
    case 'enable':
    case 'backup':
      if (value !== 'true' && value !== 'false') return false
      labels[name] = value === 'true'
      return true
    case 'port':
    case 'weight':
    case 'maxConnections': {
      const number = wholeNumber(value, name === 'port' ? 65_535 : name === 'weight' ? 1_000 : 1_000_000)
      if (number === undefined) return false
      labels[name] = number
      return true
    }
    case 'name':
    case 'network':
      if (!/^[\w.:-]{1,64}$/.test(value)) return false
      labels[name] = value
      return true
  }
}

function expected(name: (typeof KNOWN)[number]): string {
  if (name === 'enable' || name === 'backup') return 'neither true nor false'
  if (name === 'name' || name === 'network') return 'no name'
  return 'not a number in range'
}

function wholeNumber(value: string, most: number): number | undefined {
  const number = /^\d{1,7}$/.test(value) ? Number(value) : 0
  return number >= 1 && number <= most ? number : undefined
}
