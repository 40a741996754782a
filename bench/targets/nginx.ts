import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import { findCommand, versionOf } from '../harness/find-command.ts'
import { makeCertificate } from './certificate.ts'
import type { Target, Work } from './target.ts'

const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'

export const nginx: Target = {
  name: 'nginx',
  find: () => {
    const path = findCommand('nginx')
    return path === undefined ? { cure: 'apt-get install nginx-light' } : { version: versionOf(path, '-v') }
  },
  refuses: ({ mode, pipelining, stages, compress, backendSpeaks }) => {
    if (backendSpeaks === 'h2c') return 'speaks HTTP/1.1 to backends'
    if (compress.startsWith('zstd')) return 'has no zstd'
    if (stages.length > 0) return 'has other stages'
    if (pipelining > 1) return 'does not pipeline to backends'
    if (mode !== 'http' && !existsSync(streamModule))
      return 'no stream module: apt-get install libnginx-mod-stream'
    return undefined
  },
  spec: (work, port, folder) => {
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, nginxConfig(work, port, folder))
    return { command: findCommand('nginx')!, args: ['-p', folder, '-e', 'stderr', '-c', file] }
  }
}

export function nginxConfig(work: Work, port: number, folder: string): string {
  const main = `${work.mode !== 'http' ? `load_module ${streamModule};\n` : ''}daemon off;
worker_processes ${work.workers};
${userInfo().uid === 0 ? 'user root;' : ''}
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 19000; multi_accept on; }
`
  const servers = work.backends.map((backend) => `    server ${backend};`).join('\n')
  if (work.mode !== 'http') {
    const bind =
      work.mode === 'tcp'
        ? `127.0.0.1:${port} backlog=16384 so_keepalive=on;`
        : `127.0.0.1:${port} udp;${work.udpResponses > 0 ? ` proxy_responses ${work.udpResponses};` : ''}`
    return `${main}stream {
  upstream origin {
${servers}
  }
  server { listen ${bind} proxy_pass origin; proxy_timeout 10m; }
}
`
  }
  const cached = work.cache ? 'proxy_cache main; proxy_cache_lock on; proxy_cache_lock_timeout 30s;' : ''
  const pass =
    work.backendSpeaks === 'grpc' ? 'grpc_pass grpc://origin;' : `proxy_pass http://origin; ${cached}`
  const routes = Array.from({ length: work.routes }, (_, index) => `    location /r${index}/ { ${pass} }`)
  return `${main}http {
  ${work.accessLog ? logLines(folder) : 'access_log off;'}
  ${work.compress === '' ? '' : gzipLines(work.compress)}
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${work.cache ? `proxy_cache_path ${folder}/cache keys_zone=main:64m max_size=256m;` : ''}
  map $http_upgrade $upgrade_connection { default upgrade; '' ''; }
  upstream origin {
${servers}
    keepalive 1024;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=16384${work.tls ? ' ssl' : ''}${work.h2 ? ' http2' : ''};
    ${work.tls ? tlsLines(folder) : ''}
    ${work.h2 ? 'http2_max_requests 1000000000;' : ''}
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Connection $upgrade_connection;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;
    location / { ${pass} }
${routes.join('\n')}
  }
}
`
}

function gzipLines(compress: Work['compress']): string {
  return `gzip on; gzip_proxied any; gzip_types application/json; gzip_comp_level ${compress.split('-')[1]};`
}

function tlsLines(folder: string): string {
  const { cert, key } = makeCertificate(folder)
  return `ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:bench:10m;`
}

/** As much as a line of lb says, written as seldom. */
function logLines(folder: string): string {
  const fields =
    '$time_iso8601 $request_id $remote_addr $request_method $host $request_uri $status $request_length $body_bytes_sent $request_time $upstream_addr'
  return `log_format bench '${fields}'; access_log ${folder}/access.log bench buffer=64k flush=1s;`
}
