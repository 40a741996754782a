import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand, versionOf } from '../harness/find-command.ts'
import type { Target, Work } from './target.ts'

export const caddy: Target = {
  name: 'caddy',
  find: () => {
    const path = findCommand('caddy')
    return path === undefined
      ? { cure: 'apt-get install caddy' }
      : { version: `caddy ${versionOf(path, 'version')}` }
  },
  refuses: ({ mode, pipelining, cache }) => {
    if (mode !== 'http') return 'no Layer 4 without a plugin'
    if (cache) return 'no cache without a plugin'
    return pipelining > 1 ? 'does not pipeline to backends' : undefined
  },
  spec: (work, port, folder) => {
    const file = join(folder, 'Caddyfile')
    writeFileSync(file, caddyConfig(work, port))
    return {
      command: findCommand('caddy')!,
      args: ['run', '--adapter', 'caddyfile', '--config', file],
      env: { GOMAXPROCS: String(work.workers), XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, HOME: folder }
    }
  }
}

export function caddyConfig(work: Work, port: number): string {
  const health = work.health
    ? '\n    health_uri /\n    health_interval 1s\n    fail_duration 10s\n    lb_try_duration 2s'
    : ''
  const proxy = `reverse_proxy ${work.backends.join(' ')} {
    lb_policy round_robin${health}
    transport http {
      keepalive_idle_conns_per_host 1024
    }
  }`
  const routes = Array.from({ length: work.routes }, (_, index) => `  handle /r${index}/* {\n  ${proxy}\n  }`)
  return `{
  admin off
  auto_https off
  log {
    level ERROR
  }
}
http://:${port} {
  bind 127.0.0.1
${routes.join('\n')}
  handle {
  ${proxy}
  }
}
`
}
