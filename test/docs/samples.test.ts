import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../free-port.ts'
import { loadConfig, start } from '../../src/index.ts'
import { lb } from '../cli/lb.ts'
import { blocksOf } from './pages.ts'

// What the pages show of commands and of the admin API, held to what lb says.

t.setTimeout(120_000)

interface Running {
  readonly folder: string
  readonly admin: string
  /** Of a listener. */
  readonly port: (listener: string) => number
}

async function running(t: Test, text: (admin: string) => string): Promise<Running> {
  const admin = `127.0.0.1:${await freePort()}`
  const folder = t.testdir({ 'lb.yaml': text(admin) })
  const path = join(folder, 'lb.yaml')
  const instance = await start(await loadConfig(path), { configPath: path })
  t.teardown(() => instance.stop({ graceMs: 0 }))
  const port = (name: string): number => instance.addresses.find(({ listener }) => listener === name)!.port!
  return { folder, admin, port }
}

/** The program of a page's block, without its `$ ` line. */
function shown(block: string): string {
  return block.split('\n').slice(1).join('\n').trim()
}

/** What depends on the moment. */
function masked(text: string): string {
  return text
    .replaceAll(/\b[0-9a-f]{32}\b/g, 'ID')
    .replaceAll(/-[0-9a-f]{16}-/g, '-ID-')
    .replaceAll(/\blb-[0-9a-f]{8}\b/g, 'lb-ID')
    .replaceAll(/\b\d+ s\b/g, 'N s')
    .replaceAll(/\b\d+ (connection|backend|pool)s?/g, 'N $1s')
    .trim()
}

t.test('the sample of lb explain is what is printed', async (t) => {
  const origin = http.createServer((request, response) => {
    response.writeHead(200, {
      'Cache-Control': 'max-age=60, stale-while-revalidate=3600',
      Age: '75',
      Vary: 'Accept-Language, Accept-Encoding'
    })
    response.end('x'.repeat(1024))
    request.resume()
  })
  await once(origin.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => origin.close())
  const backend = `127.0.0.1:${(origin.address() as net.AddressInfo).port}`
  const { admin, port } = await running(
    t,
    (admin) => `workers: 0
admin: { bind: "${admin}" }
listeners:
  - name: web
    bind: "127.0.0.1:0"
    mode: l7
    routes:
      - { name: api, match: { pathPrefix: /api/ }, pool: web }
      - { name: site, match: {}, pool: web, cache: { store: main, key: { ignoreQuery: [utm_*] } } }
pools: { web: { backends: ["${backend}"] } }
caches: { main: {} }
`
  )
  const url = `http://127.0.0.1:${port('web')}/a?utm_source=x&page=2`
  const headers = { Host: 'example.com', 'Accept-Language': 'de' }
  await new Promise((resolve) =>
    http.get(url, { headers }, (response) => response.resume().on('end', resolve))
  )
  const command = ['-H', 'Accept-Language: de', 'http://example.com/a?utm_source=x&page=2']
  const { stdout, stderr } = await lb('explain', '--admin', admin, '--listener', 'web', ...command)
  const sample = blocksOf('docs/admin-api.md', 'console').find((code) => code.startsWith('$ lb explain'))!
  t.equal(masked(stdout + stderr), masked(shown(sample)))
})

/** A server that keeps its connections open. */
async function patient(t: Test): Promise<string> {
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`
}

/** Of a reload, without the line that says which lb answered. */
function told(text: string): string {
  return masked(text)
    .replaceAll(/workers: \d+ -> \d+/g, 'workers: N -> N')
    .replaceAll(/^lb: .*\n|^[^\n]*reloaded[^\n]*\n/gm, '')
    .trim()
}

t.test('the sample of a reload is what lb says', async (t) => {
  const [first, second, third] = [await patient(t), await patient(t), await patient(t)]
  const ports = [await freePort(), await freePort(), await freePort(), await freePort()]
  const bind = (index: number): string => `bind: "127.0.0.1:${ports[index]}"`
  const text = (admin: string, workers: number, db: string, old: string, api: string, web: string): string =>
    `workers: ${workers}
admin: { bind: "${admin}" }
listeners:
  - { name: https, ${bind(0)}, mode: l7, pool: web }
  - { name: db, ${bind(1)}, mode: l4, pool: api${db} }
  - { name: other, ${bind(2)}, mode: l4, sni: [${[1, 2, 3, 4].map((n) => `{ host: h${n}, pool: p${n} }`).join(', ')}] }
${old}pools:
  api: { backends: [${api}] }
  web: { algorithm: weighted-round-robin, ${web} }
${[1, 2, 3, 4].map((n) => `  p${n}: { backends: ["${first}"] }\n`).join('')}`
  const weighted = (weight: number): string =>
    `backends: [{ address: "${first}", weight: ${weight} }, { address: "${second}", weight: ${weight} }]`
  const old = `  - { name: old, ${bind(3)}, mode: l4, pool: api }\n`
  const before = (admin: string): string => text(admin, 0, '', old, `"${first}", "${second}"`, weighted(1))
  const { folder, admin, port } = await running(t, before)
  for (const name of ['https', 'https', 'db', 'db', 'old', 'old']) {
    const socket = net.connect(port(name), '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
  }
  const api = `"${first}", "${third}"`
  const web = `${weighted(2)}, retry: { attempts: 3 }`
  writeFileSync(join(folder, 'lb.yaml'), text(admin, 2, ', timeouts: { idle: 1h }', '', api, web))
  const lines = masked(blocksOf('docs/reload.md', '')[0]!)
  const plan = await lb('reload', '--plan', '--admin', admin)
  // A plan counts no connections.
  t.equal(told(plan.stdout), told(lines).replaceAll(/ \(N connections \w+\)/g, ''), plan.stderr)
  const { stdout, stderr } = await lb('reload', '--admin', admin)
  t.equal(told(stdout), told(lines), stderr)
})
