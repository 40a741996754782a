import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeTree } from '../harness/machine.ts'
import { makeCertificate, type Certificate } from './certificate.ts'
import type { StageName, Target, TargetName, Work } from './target.ts'

const here = join(import.meta.dirname, '..', '..')

/** lb as it stands in a work tree, this one or (bench/compare.ts) another, with flags for Node.js. */
export function lbIn(root: string, flags: readonly string[] = [], name: TargetName = 'lb'): Target {
  return {
    name,
    find: () =>
      existsSync(join(root, 'bin', 'lb.js'))
        ? { version: `lb ${describeTree(root)}, Node.js ${process.version}` }
        : { cure: `there is no bin/lb.js in ${root}` },
    refuses: () => undefined,
    spec: (work, port, folder) => {
      const file = join(folder, 'lb.yaml')
      const certificate = work.tls ? makeCertificate(folder) : undefined
      writeFileSync(file, `${JSON.stringify(lbConfig(work, port, certificate), undefined, 2)}\n`)
      return {
        command: nodeBinary(root),
        args: [...flags, join(root, 'bin', 'lb.js'), '--config', file],
        ...(logs(work) && { stdoutFile: join(folder, 'access.log') })
      }
    }
  }
}

export const lb = lbIn(here)

/** The Node.js that `npm ci` installed, called directly so that no wrapper stands between us and its pid. */
export function nodeBinary(root: string): string {
  const own = join(root, 'node_modules', 'node', 'bin', 'node')
  return existsSync(own) ? own : process.execPath
}

/** The key that requests to stages with an API key come with. */
export const API_KEY = 'bench-key-of-one-client'

function logs({ accessLog, stages }: Work): boolean {
  return accessLog || stages.includes('log')
}

/** Each does its work with every request and refuses none. The request id and the log are there or stand elsewhere. */
const keysOf: Readonly<Record<StageName, object>> = {
  limits: { limits: { methods: ['GET', 'HEAD', 'POST'], bodyBytes: '10mb' } },
  edits: {
    headers: {
      request: { set: { 'X-Env': 'prod', 'X-Site': 'bench' }, remove: ['X-Debug'] },
      response: { set: { 'X-Served-By': 'bench' }, remove: ['Server'] }
    }
  },
  log: {},
  id: {},
  sticky: {},
  'api-key': { auth: { methods: [{ apiKeys: { header: 'x-api-key', keys: { client: [API_KEY] } } }] } },
  rate: { rateLimit: { requests: 1_000_000, per: '1s', burst: 1_000_000 } },
  concurrency: { concurrency: { max: 10_000 } },
  security: { securityHeaders: { preset: 'site' } },
  cors: { cors: { origins: ['https://app.example.com'] } }
}

function udpKeys(responses: number): object {
  return { protocol: 'udp', ...(responses > 0 && { udp: { responses } }) }
}

function compressKeys(compress: Work['compress']): object {
  const [coding, level] = compress.split('-')
  if (level === undefined) return {}
  return { compress: { algorithms: [coding], levels: { [coding!]: Number(level) } } }
}

/** JSON is YAML, and quoting needs no thought. */
export function lbConfig(work: Work, port: number, certificate?: Certificate): object {
  const { mode, backends, workers, cache, pipelining, routes, health, backendSpeaks } = work
  const listener = { name: 'bench', bind: `127.0.0.1:${port}`, mode }
  const caching = cache ? { cache: { store: 'main', coalesce: true } } : {}
  const table = Array.from({ length: routes }, (_, index) => ({
    name: `r${index}`,
    match: { pathPrefix: `/r${index}/` },
    pool: 'origin',
    ...caching
  }))
  return {
    workers,
    log: { level: logs(work) ? 'info' : 'warn' },
    listeners: [
      mode !== 'http'
        ? { ...listener, mode: 'l4', pool: 'origin', ...(mode === 'udp' && udpKeys(work.udpResponses)) }
        : {
            ...listener,
            mode: 'l7',
            ...(logs(work) && { accessLog: true }),
            ...(certificate && { tls: { certificates: [certificate] } }),
            ...(work.h2 && { protocols: ['h2', 'http/1.1'] }),
            ...compressKeys(work.compress),
            ...Object.assign({}, ...work.stages.map((name) => keysOf[name])),
            routes: [...table, { name: 'rest', match: {}, pool: 'origin', ...caching }]
          }
    ],
    pools: {
      origin: {
        backends,
        ...(backendSpeaks !== 'http/1.1' && { protocol: 'h2c' }),
        ...(mode === 'http'
          ? { connections: { maxIdle: 256, ...(backendSpeaks === 'http/1.1' && { pipelining }) } }
          : {}),
        ...(work.stages.includes('sticky') && { sticky: { cookie: 'lb_backend' } }),
        ...(health ? { health: { type: mode === 'http' ? 'http' : 'tcp', interval: '1s' } } : {})
      }
    },
    ...(cache ? { caches: { main: { maxBytes: '256mb' } } } : {})
  }
}
