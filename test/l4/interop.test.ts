import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { parseProxyHeader } from '../../src/net/proxy-protocol/parse.ts'
import { proxyProtocolHeader } from '../../src/net/proxy-protocol/write.ts'
import { startLb } from '../e2e/servers.ts'
import { testCertificates } from '../net/certificates.ts'
import { engineRig } from './harness.ts'
import { directory, missing, program } from './programs.ts'
import { eventually, receive, testClient, testServer } from './sockets.ts'

const at = (port: number) => `127.0.0.1:${port}`
const client = { address: '203.0.113.7', port: 4711 }
const server = { address: '198.51.100.1', port: 443 }

/** Sends `client` as the client to an engine that passes it on to `port` by PROXY; returns the body of the answer. */
async function through(t: Test, port: number, version: 'v1' | 'v2'): Promise<string> {
  const rig = await engineRig(
    t,
    { pool: 'p', proxyProtocol: { trusted: ['127.0.0.1'] } },
    { p: { backends: [`127.0.0.1:${port}`], proxyProtocol: version } }
  )
  const socket = await testClient(t, rig.port)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
  socket.write(proxyProtocolHeader('v2', client, server))
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  // nginx’s `return` in a stream closes without reading: then it is a reset that comes behind the answer.
  await eventually(() => socket.readableEnded || socket.destroyed)
  return text.slice(text.indexOf('\r\n\r\n') + 4).trim()
}

t.test('nginx reads what we send', { skip: missing('nginx') }, async (t) => {
  const folder = directory(t)
  const port = await freePort()
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
      uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      server { listen 127.0.0.1:${port} proxy_protocol; location / { return 200 "$proxy_protocol_addr $proxy_protocol_port"; } }
    }`
  )
  await program(t, port, ['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder])
  for (const version of ['v1', 'v2'] as const) t.equal(await through(t, port, version), '203.0.113.7 4711')
})

t.test('nginx reads a header that comes before TLS', { skip: missing('nginx') }, async (t) => {
  const folder = directory(t)
  const port = await freePort()
  const pki = testCertificates()
  const { files } = pki.leaf('a.test')
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    http {
      access_log off;
      client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
      uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
      server {
        listen 127.0.0.1:${port} ssl proxy_protocol;
        ssl_certificate ${files.cert}; ssl_certificate_key ${files.key};
        location / { return 200 "$proxy_protocol_addr $ssl_protocol"; }
      }
    }`
  )
  await program(t, port, ['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder])
  const pool = { backends: [at(port)], tls: { serverName: 'a.test', ca: pki.caFile } }
  const listener = (name: string, mode: string, pool: string) => ({
    ...{ name, mode, pool, bind: '127.0.0.1:0' },
    proxyProtocol: { trusted: ['127.0.0.1'] }
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: ['v1', 'v2'].flatMap((version) => [
      listener(`l4-${version}`, 'l4', version),
      listener(`l7-${version}`, 'l7', version)
    ]),
    pools: { v1: { ...pool, proxyProtocol: 'v1' }, v2: { ...pool, proxyProtocol: 'v2' } }
  })
  for (const name of ['l4-v1', 'l7-v1', 'l4-v2', 'l7-v2']) {
    const socket = await testClient(t, lb.port(name))
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    socket.write(proxyProtocolHeader('v2', client, server))
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
    await eventually(() => socket.readableEnded || socket.destroyed)
    t.match(text, /203\.0\.113\.7 TLSv1\.[23]/, name)
  }
})

const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'
const withoutStream = missing('nginx') || (!existsSync(streamModule) && 'nginx without its stream module')

t.test(
  'nginx’s stream module reads what we send, and we read what it sends',
  { skip: withoutStream },
  async (t) => {
    const folder = directory(t)
    const [reading, sending] = [await freePort(), await freePort()]
    const backend = await testServer(t, (socket) => void socket.pipe(socket))
    const rig = await engineRig(
      t,
      { pool: 'p', proxyProtocol: { trusted: ['127.0.0.1'] } },
      { p: { backends: [at(backend.port)], proxyProtocol: 'v2' } }
    )
    writeFileSync(
      join(folder, 'nginx.conf'),
      `load_module ${streamModule};
    daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events {}
    stream {
      server { listen 127.0.0.1:${reading} proxy_protocol; return "\r\n\r\n$proxy_protocol_addr $proxy_protocol_port"; }
      server { listen 127.0.0.1:${sending}; proxy_pass 127.0.0.1:${rig.port}; proxy_protocol on; }
    }`
    )
    await program(t, reading, ['nginx', '-c', join(folder, 'nginx.conf'), '-p', folder])
    for (const version of ['v1', 'v2'] as const)
      t.equal(await through(t, reading, version), '203.0.113.7 4711')
    const socket = await testClient(t, sending)
    socket.write('hello')
    const echoed = Buffer.from(await receive(socket, 28 + 5), 'latin1')
    t.match(parseProxyHeader(echoed, 0, echoed.length), {
      header: { source: { address: '127.0.0.1', port: socket.localPort }, destination: { port: sending } }
    })
  }
)

t.test(
  'TLVs that HAProxy sends of TLS are skipped, and the name in them is passed on',
  { skip: missing('haproxy', 'openssl') },
  async (t) => {
    const folder = directory(t)
    const port = await freePort()
    const backend = await testServer(t)
    const rig = await engineRig(
      t,
      { pool: 'p', proxyProtocol: { trusted: ['127.0.0.1'] } },
      { p: { backends: [at(backend.port)], proxyProtocol: 'v2' } }
    )
    const { cert, key } = testCertificates().leaf('db.test')
    writeFileSync(join(folder, 'both.pem'), cert + key)
    writeFileSync(
      join(folder, 'haproxy.cfg'),
      `defaults
  mode tcp
  timeout connect 3s
  timeout client 10s
  timeout server 10s
listen secure
  bind 127.0.0.1:${port} ssl crt ${folder}/both.pem alpn h2
  server s 127.0.0.1:${rig.port} send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id
  unique-id-format %ci-%cp
`
    )
    await program(t, port, ['haproxy', '-f', join(folder, 'haproxy.cfg')])
    const socket = tlsConnect({
      port,
      host: '127.0.0.1',
      servername: 'db.test',
      ALPNProtocols: ['h2'],
      rejectUnauthorized: false
    })
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    socket.write('hello')
    const upstream = await backend.next()
    // Authority and ALPN, each with three bytes of type and length.
    const tlvs = 3 + 'db.test'.length + 3 + 'h2'.length
    const bytes = Buffer.from(await receive(upstream, 28 + tlvs + 'hello'.length), 'latin1')
    const parsed = parseProxyHeader(bytes, 0, bytes.length)
    t.match(parsed, { header: { source: { port: socket.localPort }, authority: 'db.test', alpn: 'h2' } })
    t.equal(parsed.kind === 'header' && bytes.toString('latin1', parsed.length), 'hello')
  }
)

t.test('HAProxy reads what we send, and we read what it sends', { skip: missing('haproxy') }, async (t) => {
  const folder = directory(t)
  const [accepting, v1, v2] = [await freePort(), await freePort(), await freePort()]
  const backend = await testServer(t, (socket) => void socket.pipe(socket))
  const rig = await engineRig(
    t,
    { pool: 'p', proxyProtocol: { trusted: ['127.0.0.1'] } },
    { p: { backends: [`127.0.0.1:${backend.port}`] } }
  )
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    `global
  maxconn 100
defaults
  timeout connect 3s
  timeout client 10s
  timeout server 10s
frontend accepting
  mode http
  bind 127.0.0.1:${accepting} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]"
listen one
  mode tcp
  bind 127.0.0.1:${v1}
  server s 127.0.0.1:${rig.port} send-proxy
listen two
  mode tcp
  bind 127.0.0.1:${v2}
  server s 127.0.0.1:${rig.port} send-proxy-v2 proxy-v2-options crc32c,unique-id
  unique-id-format %ci
`
  )
  await program(t, accepting, ['haproxy', '-f', join(folder, 'haproxy.cfg')])
  for (const version of ['v1', 'v2'] as const)
    t.equal(await through(t, accepting, version), '203.0.113.7 4711')
  for (const port of [v1, v2]) {
    const socket = await testClient(t, port)
    socket.write('hello')
    t.equal(await receive(socket, 5), 'hello')
    const { localPort } = socket
    socket.destroy()
    await eventually(() =>
      rig.lines.some(({ fields }) => (fields as { client?: string }).client === `127.0.0.1:${localPort}`)
    )
    t.pass('the client behind HAProxy is the one in our log')
  }
})

/** Caddy has it since 2.7. */
function withoutProxy(): string | false {
  const gone = missing('caddy')
  if (gone !== false) return gone
  const modules = execFileSync('caddy', ['list-modules'], { encoding: 'utf8' })
  return !modules.includes('caddy.listeners.proxy_protocol') && 'this Caddy does not speak PROXY (2.7 does)'
}

t.test('Caddy reads what we send, and we read what it sends', { skip: withoutProxy() }, async (t) => {
  const folder = directory(t)
  const [accepting, v1, v2] = [await freePort(), await freePort(), await freePort()]
  const backend = await testServer(t)
  const rig = await engineRig(
    t,
    { pool: 'p', proxyProtocol: { trusted: ['127.0.0.1'] } },
    { p: { backends: [`127.0.0.1:${backend.port}`], proxyProtocol: 'v2' } }
  )
  const site = (port: number, version: string) => `http://:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${rig.port} {
    transport http {
      proxy_protocol ${version}
    }
  }
}
`
  writeFileSync(
    join(folder, 'Caddyfile'),
    `{
  admin off
  auto_https off
  servers :${accepting} {
    listener_wrappers {
      proxy_protocol {
        allow 127.0.0.0/8
      }
    }
  }
}
http://:${accepting} {
  bind 127.0.0.1
  respond "{remote_host} {remote_port}"
}
${site(v1, 'v1')}${site(v2, 'v2')}`
  )
  await program(t, accepting, [
    'caddy',
    'run',
    '--config',
    join(folder, 'Caddyfile'),
    '--adapter',
    'caddyfile'
  ])
  for (const version of ['v1', 'v2'] as const)
    t.equal(await through(t, accepting, version), '203.0.113.7 4711')
  for (const port of [v1, v2]) {
    const socket = await testClient(t, port)
    socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n')
    const upstream = await backend.next()
    const bytes = Buffer.from(await receive(upstream, 40), 'latin1')
    t.match(parseProxyHeader(bytes, 0, bytes.length), {
      header: { source: { address: '127.0.0.1', port: socket.localPort } }
    })
    socket.destroy()
  }
})
