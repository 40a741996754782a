import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { userInfo } from 'node:os'
import { fileSizes, jsonBody, patternBody, smallBody } from './content.ts'

/**
 * nginx as origin, the C server that keeps the origin from being the limit. Bodies of POSTs are consumed: `return`
 * discards a request's body to its end, and would the connection be out of step, the next request on it would fail.
 * `/upload` is answered once the body has come.
 */
export function writeNginxOrigin(
  folder: string,
  binds: readonly string[],
  witnessPort: number,
  h2c = false
): string {
  for (const [path, bytes] of Object.entries(fileSizes)) {
    writeFileSync(join(folder, path.slice(1)), patternBody(bytes), { mode: 0o644 })
  }
  writeFileSync(join(folder, 'json'), jsonBody(), { mode: 0o644 })
  const file = join(folder, 'nginx-origin.conf')
  writeFileSync(
    file,
    `daemon off;
worker_processes 1;
${userInfo().uid === 0 ? 'user root;' : ''}
pid ${folder}/nginx-origin.pid;
error_log stderr error;
events { worker_connections 19000; multi_accept on; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 300s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/origin-body;
  proxy_temp_path ${folder}/origin-proxy;
  fastcgi_temp_path ${folder}/origin-fastcgi;
  uwsgi_temp_path ${folder}/origin-uwsgi;
  scgi_temp_path ${folder}/origin-scgi;
  open_file_cache max=10;
  server {
${binds.map((bind) => `    listen ${bind} backlog=16384${h2c ? ' http2' : ''};`).join('\n')}
    root ${folder};
    default_type application/octet-stream;
    location / { return 200 "${smallBody.replace('\n', '\\n')}"; }
    location = /64k {}
    location = /1m {}
    location = /upload { proxy_pass http://${binds[0]}/; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_body ''; client_max_body_size 0; client_body_buffer_size 2m; }
    location = /json { default_type application/json; }
    location = /stored { default_type application/json; alias ${folder}/json; add_header Cache-Control max-age=3600; }
    location = /witness { proxy_pass http://127.0.0.1:${witnessPort}; proxy_http_version 1.1; client_max_body_size 0; }
  }
}
`
  )
  return file
}
