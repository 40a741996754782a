import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeTree } from '../harness/machine.ts'
import type { Target, TargetName, Work } from './target.ts'

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
      writeFileSync(file, `${JSON.stringify(lbConfig(work, port), undefined, 2)}\n`)
      return { command: nodeBinary(root), args: [...flags, join(root, 'bin', 'lb.js'), '--config', file] }
    }
  }
}

export const lb = lbIn(here)

/** The Node.js that `npm ci` installed, called directly so that no wrapper stands between us and its pid. */
export function nodeBinary(root: string): string {
  const own = join(root, 'node_modules', 'node', 'bin', 'node')
  return existsSync(own) ? own : process.execPath
}

/** JSON is YAML, and quoting needs no thought. */
export function lbConfig(work: Work, port: number): object {
  const { mode, backends, workers, cache, pipelining, routes, health } = work
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
    log: { level: 'warn' },
    listeners: [
      mode === 'tcp'
        ? { ...listener, mode: 'l4', pool: 'origin' }
        : {
            ...listener,
            mode: 'l7',
            routes: [...table, { name: 'rest', match: {}, pool: 'origin', ...caching }]
          }
    ],
    pools: {
      origin: {
        backends,
        ...(mode === 'http' ? { connections: { maxIdle: 256, pipelining } } : {}),
        ...(health ? { health: { type: mode === 'http' ? 'http' : 'tcp', interval: '1s' } } : {})
      }
    },
    ...(cache ? { caches: { main: { maxBytes: '256mb' } } } : {})
  }
}
