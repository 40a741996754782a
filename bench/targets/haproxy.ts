import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand, versionOf } from '../harness/find-command.ts'
import { makeCertificate } from './certificate.ts'
import type { Target, Work } from './target.ts'

export const haproxy: Target = {
  name: 'haproxy',
  find: () => {
    const path = findCommand('haproxy')
    return path === undefined ? { cure: 'apt-get install haproxy' } : { version: versionOf(path, '-v') }
  },
  refuses: ({ mode, pipelining, accessLog, stages }) => {
    if (mode === 'udp') return 'relays no datagrams'
    if (accessLog) return 'logs to a syslog server only'
    if (stages.length > 0) return 'has other stages'
    return pipelining > 1 ? 'does not pipeline to backends' : undefined
  },
  spec: (work, port, folder) => {
    const file = join(folder, 'haproxy.cfg')
    const map = join(folder, 'routes.map')
    if (work.tls) makeCertificate(folder)
    writeFileSync(file, haproxyConfig(work, port, map, join(folder, 'both.pem')))
    writeFileSync(map, Array.from({ length: work.routes }, (_, index) => `/r${index}/ origin\n`).join(''))
    return { command: findCommand('haproxy')!, args: ['-db', '-q', '-f', file] }
  }
}

export function haproxyConfig(work: Work, port: number, map: string, pem = ''): string {
  const http = work.mode === 'http'
  const tls = work.tls ? ` ssl crt ${pem}${work.h2 ? ' alpn h2,http/1.1' : ''}` : work.h2 ? ' proto h2' : ''
  const check =
    (work.health ? ' check inter 1s' : '') + (work.backendSpeaks === 'http/1.1' ? '' : ' proto h2')
  return `global
  nbthread ${work.workers}
  no strict-limits
  maxconn 19000
  stats timeout 10s
defaults
  mode ${work.mode}
  retries 3
  option redispatch
  timeout connect 3s
  timeout client 10m
  timeout server 10m
${http ? '  timeout http-request 10s\n  timeout http-keep-alive 300s\n  http-reuse always\n  retry-on conn-failure empty-response' : ''}
${work.cache ? 'cache main\n  total-max-size 256\n  max-object-size 2000000\n  max-age 3600' : ''}
frontend bench
  bind 127.0.0.1:${port} backlog 16384${tls}
${http ? '  option forwardfor\n  http-request set-header X-Forwarded-Proto http\n  http-request set-header X-Forwarded-Host %[req.hdr(host)]' : ''}
${work.routes > 0 ? `  use_backend %[path,map_beg(${map},origin)]` : ''}
  default_backend origin
backend origin
  balance roundrobin
${work.cache ? '  http-request cache-use main\n  http-response cache-store main' : ''}
${work.backends.map((backend, index) => `  server s${index} ${backend}${check}`).join('\n')}
`
}
