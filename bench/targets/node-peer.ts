import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isHidden } from '../harness/find-command.ts'
import { nodeBinary } from './lb.ts'
import type { Target, TargetName } from './target.ts'

const peers = join(import.meta.dirname, '..', 'peers')

/** A proxy from npm, installed under bench/peers and run by bench/peers/serve.js with keep-alive to the origin on. */
export function nodePeer(name: TargetName): Target {
  const manifest = join(peers, 'node_modules', name, 'package.json')
  return {
    name,
    find: () => {
      if (!existsSync(manifest) || isHidden(name)) return { cure: 'npm ci --prefix bench/peers' }
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
      return { version: `${name} ${version}` }
    },
    refuses: ({ mode, cache, pipelining, routes, workers, backends, health }) => {
      if (mode !== 'http') return 'HTTP only'
      if (cache) return 'no cache'
      if (pipelining > 1) return 'does not pipeline to backends'
      if (routes > 0) return 'no routes of its own'
      if (workers > 1) return 'one thread'
      if (backends.length > 1 || health) return 'does not balance'
      return undefined
    },
    spec: ({ backends }, port) => ({
      command: nodeBinary(join(import.meta.dirname, '..', '..')),
      args: [join(peers, 'serve.js'), name, String(port), `http://${backends[0]}`],
      env: { NODE_ENV: 'production', NODE_NO_WARNINGS: '1' }
    })
  }
}
