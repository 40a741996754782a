import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand, versionOf } from '../harness/find-command.ts'
import type { Target } from './target.ts'

/** A cache with a thread per connection; it cannot be held to one thread, only (by taskset) to one core. */
export const varnish: Target = {
  name: 'varnish',
  find: () => {
    const path = findCommand('varnishd')
    return path === undefined ? { cure: 'apt-get install varnish' } : { version: versionOf(path, '-V') }
  },
  refuses: ({ cache, mode }) => (cache && mode === 'http' ? undefined : 'is a cache only'),
  spec: (work, port, folder) => {
    const file = join(folder, 'bench.vcl')
    const [host, backendPort] = work.backends[0]!.split(':')
    const state = join(folder, 'varnish')
    mkdirSync(state, { recursive: true })
    writeFileSync(file, `vcl 4.1;\nbackend default { .host = "${host}"; .port = "${backendPort}"; }\n`)
    const limits = ['-p', 'thread_pools=1', '-p', 'thread_pool_min=100', '-p', 'timeout_idle=300']
    return {
      command: findCommand('varnishd')!,
      args: [
        '-F',
        '-n',
        state,
        '-a',
        `127.0.0.1:${port}`,
        '-T',
        'none',
        '-f',
        file,
        '-s',
        'malloc,256m',
        ...limits
      ]
    }
  }
}
