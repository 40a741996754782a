/** Words from other load balancers, and their names here. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  listen: ['bind'],
  port: ['bind'],
  server: ['address', 'backends', 'listeners'],
  servers: ['backends'],
  clusters: ['pools'],
  targetgroups: ['pools', 'split'],
  backendpools: ['pools'],
  serverpools: ['pools'],
  originpools: ['pools'],
  upstreamgroups: ['pools'],
  serverfarms: ['pools'],
  cluster: ['pool', 'pools'],
  outlierdetection: ['outlier'],
  string: ['body'],
  rstring: ['body'],
  content: ['body'],
  text: ['body'],
  hide: ['remove'],
  delete: ['remove'],
  del: ['remove'],
  unset: ['remove'],
  location: ['to', 'routes'],
  pattern: ['regex'],
  from: ['regex'],
  replacement: ['to'],
  replace: ['to'],
  members: ['backends'],
  targets: ['backends', 'split'],
  upstream: ['pool', 'pools'],
  upstreams: ['pools'],
  backend: ['pool', 'backends', 'pools'],
  backends: ['pools'],
  frontends: ['listeners'],
  entrypoints: ['listeners'],
  fullchain: ['cert'],
  pem: ['cert'],
  privkey: ['key'],
  ocspstapling: ['ocsp'],
  stapling: ['ocsp'],
  group: ['roles'],
  groups: ['roles'],
  probability: ['percent'],
  percentage: ['percent'],
  k8s: ['kubernetes'],
  kube: ['kubernetes'],
  url: ['address', 'to'],
  host: ['address'],
  strategy: ['algorithm'],
  policy: ['algorithm'],
  balance: ['algorithm'],
  healthcheck: ['health'],
  check: ['health'],
  circuitbreaker: ['breaker'],
  threads: ['workers'],
  logging: ['log'],
  rules: ['routes'],
  when: ['match'],
  retries: ['retry', 'attempts'],
  maxconn: ['maxConnections'],
  certificate: ['certificates', 'cert'],
  crt: ['cert'],
  certfile: ['cert'],
  privatekey: ['key'],
  keyfile: ['key'],
  ttl: ['defaultTtl', 'interval'],
  ssl: ['tls'],
  https: ['tls'],
  lbpolicy: ['algorithm'],
  loadbalancing: ['algorithm'],
  consecutive5xx: ['failures'],
  consecutiveerrors: ['errorShare', 'failures'],
  baseejectiontime: ['eject', 'open'],
  maxejectionpercent: ['maxEjected'],
  scheduler: ['algorithm'],
  method: ['methods', 'algorithm'],
  mode: ['algorithm'],
  locations: ['routes'],
  paths: ['routes'],
  gzip: ['compress'],
  compression: ['compress'],
  ratelimits: ['rateLimit'],
  address: ['bind', 'url'],
  addr: ['address', 'bind'],
  endpoints: ['backends'],
  hosts: ['backends', 'host'],
  nodes: ['backends'],
  hostname: ['host', 'serverName'],
  sni: ['serverName'],
  servername: ['serverName', 'host'],
  defaultbackend: ['pool'],
  proxypass: ['pool'],
  loglevel: ['log', 'level'],
  workerprocesses: ['workers'],
  nbthread: ['workers'],
  nbproc: ['workers'],
  cafile: ['ca'],
  cacert: ['ca'],
  maxbody: ['bodyBytes'],
  clientmaxbodysize: ['bodyBytes'],
  maxbodysize: ['bodyBytes'],
  maxfails: ['failures', 'fall'],
  failtimeout: ['open'],
  code: ['status'],
  frontend: ['listeners'],
  dashboard: ['admin'],
  api: ['admin'],
  stats: ['admin'],
  metrics: ['admin'],
  ports: ['bind'],
  allowlist: ['allow'],
  whitelist: ['allow'],
  denylist: ['deny'],
  blacklist: ['deny']
}

/** The valid word nearest to `word`, or undefined when none is close enough. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > 64) return undefined
  const lower = word.toLowerCase().replaceAll(/[-_ ]/g, '')
  const known = meant(lower, candidates)
  if (known !== undefined) return known
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const away = distance(lower, candidate.toLowerCase(), bestDistance)
    if (away < bestDistance) {
      best = candidate
      bestDistance = away
    }
  }
  return best
}

function meant(lower: string, candidates: readonly string[]): string | undefined {
  const same = candidates.find((candidate) => candidate.toLowerCase().replaceAll('-', '') === lower)
  if (same !== undefined) return same
  const synonyms = Object.hasOwn(SYNONYMS, lower) ? SYNONYMS[lower]! : []
  return synonyms.find((candidate) => candidates.includes(candidate))
}

/** Like `suggestion`, but only for words that certainly mean one of the candidates: another spelling or a synonym. */
export function synonymOf(word: string, candidates: readonly string[]): string | undefined {
  const known = meant(word.toLowerCase().replaceAll(/[-_ ]/g, ''), candidates)
  return known === undefined ? undefined : `; did you mean "${known}"?`
}

/** `; did you mean "pool"?` as the end of a message, or the list of valid words if it is short. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = nearest(word, candidates)
  if (near !== undefined) return `; did you mean "${near}"?${oddLetter(word)}`
  if (candidates.length === 0) return ''
  const shown = candidates.slice(0, 12).join(', ')
  return candidates.length <= 12 ? `; known: ${shown}` : `; known: ${shown}, …`
}

/** The same for keys, of which a long one of another program may hold a word of one here: `response_timeout_ms`. */
export function keySuggestion(key: string, known: readonly string[]): string {
  if (nearest(key, known) !== undefined) return suggestion(key, known)
  const near = byWords(key, known)
  return near === undefined ? suggestion(key, known) : `; did you mean "${near}"?`
}

/** The one key that shares a word with this one, or undefined. */
function byWords(key: string, known: readonly string[]): string | undefined {
  if (key.length > 64) return undefined
  const words = wordsOf(key)
  const fitting = known.filter((each) => wordsOf(each).some((word) => words.includes(word)))
  return fitting.length === 1 ? fitting[0] : undefined
}

/** Words of four letters and more, without the end that makes a plural or a verb of them. */
function wordsOf(key: string): string[] {
  return key
    .replaceAll(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)
    .map((word) => word.replace(/(?:ies|y|ion|ing|s|ed)$/, ''))
    .filter((word) => word.length >= 4)
}

/** Points out a letter of another script, or an invisible one, in a word that looks right. */
export function oddLetter(word: string): string {
  const code = /[^\x20-\x7e]/u.exec(word)?.[0].codePointAt(0)
  if (code === undefined) return ''
  return ` It holds the letter U+${code.toString(16).toUpperCase().padStart(4, '0')}, which looks like another letter`
}

/** Whether two words differ by one letter, or by two adjacent letters swapped. */
export function isNear(word: string, other: string): boolean {
  return distance(word.toLowerCase(), other.toLowerCase(), 2) < 2
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
