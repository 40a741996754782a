import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { consulSource } from '../../src/discovery/consul.ts'
import { dnsSource } from '../../src/discovery/dns.ts'
import { fileSource } from '../../src/discovery/file.ts'
import { httpSource } from '../../src/discovery/http.ts'
import { kubernetesSource } from '../../src/discovery/kubernetes/kubernetes.ts'
import type { Source } from '../../src/discovery/source.ts'
import { DnsServer, type DnsMode, type Names } from './dns-server.ts'
import { Found } from './found.ts'

t.setTimeout(120_000)
// Most of the time of each is spent waiting.
t.jobs = 16

type Serve = (url: URL, response: ServerResponse, request: IncomingMessage) => void

async function serve(t: Test, handle: Serve): Promise<string> {
  const server = createServer((request, response) =>
    handle(new URL(request.url!, 'http://localhost'), response, request)
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function following(t: Test, make: (found: Found) => Source): Found {
  const found = new Found()
  const source = make(found)
  t.teardown(() => source.close())
  return found
}

/** Something was told after this: the source answers again, also where nothing has changed. */
async function answersAgain(found: Found): Promise<void> {
  const before = found.sets.length
  await found.until(() => found.sets.length > before)
}

const bad: readonly DnsMode[] = ['servfail', 'nxdomain', 'refused', 'empty', 'garbage', 'silent']
for (const mode of bad) {
  t.test(`a DNS server that is ${mode} leaves the last addresses, and is asked again`, async (t) => {
    const server = await DnsServer.start(t, ['10.0.0.1', '10.0.0.2'])
    const config = { kind: 'dns', type: 'a', name: 'x.test', port: 80 } as const
    const found = following(t, ({ parts }) =>
      dnsSource({ ...config, servers: [`127.0.0.1:${server.port}`] }, parts)
    )
    await found.until(() => found.names.length === 2)
    server.mode = mode
    await found.until(() => found.failures.length > 0)
    t.strictSame(found.names, ['10.0.0.1:80', '10.0.0.2:80'])
    server.addresses = ['10.0.0.3']
    server.mode = 'ok'
    await found.until(() => found.names[0] === '10.0.0.3:80')
  })
}

t.test(
  'a family that is not answered keeps its last addresses, and holds up none of the other',
  async (t) => {
    const server = await DnsServer.start(t, [])
    const both: Names = { a: ['10.0.0.1'], aaaa: ['20010db8000000000000000000000001'] }
    const zone = new Map<string, Names>([
      ['x.test', both],
      ['_x._tcp.test', { srv: [{ priority: 1, weight: 1, port: 81, target: 'x.test' }] }]
    ])
    server.zone = zone
    const servers = [`127.0.0.1:${server.port}`]
    const found = following(t, ({ parts }) =>
      dnsSource({ kind: 'dns', type: 'a', name: 'x.test', port: 80, servers }, parts)
    )
    const services = following(t, ({ parts }) =>
      dnsSource({ kind: 'dns', type: 'srv', name: '_x._tcp.test', servers, intervalMs: 1000 }, parts)
    )
    const seen = async (...addresses: readonly string[]): Promise<void> => {
      for (const [from, port] of [[found, 80] as const, [services, 81] as const]) {
        const names = addresses.map((address) => `${address}:${port}`).join()
        await from.until(() => from.names.join() === names)
      }
    }
    await seen('10.0.0.1', '[2001:db8::1]')
    zone.set('x.test', { a: ['10.0.0.2'], fails: 'aaaa' })
    await seen('10.0.0.2', '[2001:db8::1]')
    zone.set('x.test', { aaaa: ['20010db8000000000000000000000002'], fails: 'a' })
    await seen('10.0.0.2', '[2001:db8::2]')
    for (const { warnings, failures } of [found, services]) {
      t.match(warnings, [
        /^AAAA records of x\.test are not answered \(.*ESERVFAIL.*\); the last ones stay: 2001:db8::1$/,
        /^A records of x\.test are not answered .*: 10\.0\.0\.2$/
      ])
      t.equal(warnings.length, 2, 'each failure is told once')
      t.strictSame(failures, [])
    }
    zone.set('x.test', { a: ['10.0.0.3'] })
    await seen('10.0.0.3')
    zone.set('x.test', { fails: true })
    await found.until(() => found.failures.length > 0)
    t.strictSame(found.names, ['10.0.0.3:80'])
  }
)

t.test('an answer that does not fit in a datagram is fetched whole', async (t) => {
  const server = await DnsServer.start(
    t,
    Array.from({ length: 200 }, (_, i) => `10.0.1.${i}`)
  )
  server.mode = 'truncated'
  const config = { kind: 'dns', type: 'a', name: 'x.test', port: 80 } as const
  const found = following(t, ({ parts }) =>
    dnsSource({ ...config, servers: [`127.0.0.1:${server.port}`] }, parts)
  )
  await found.until(() => found.names.length === 200)
})

t.test(
  'SRV targets without an address hold up none of the others, and weight 0 is hardly chosen',
  async (t) => {
    const server = await DnsServer.start(t, [])
    const one = { priority: 1, weight: 1, port: 81, target: 's1.test' }
    const zone = new Map<string, Names>([
      [
        '_web._tcp.test',
        { srv: [one, { ...one, target: 'gone.test' }, { ...one, weight: 0, target: 's2.test' }] }
      ],
      ['s1.test', { a: ['10.0.0.1'] }],
      ['s2.test', { cname: 'chain.test' }],
      ['chain.test', { cname: 'end.test' }],
      ['end.test', { aaaa: ['20010db8000000000000000000000001'] }]
    ])
    server.zone = zone
    const found = following(t, ({ parts }) =>
      dnsSource(
        {
          kind: 'dns',
          type: 'srv',
          name: '_web._tcp.test',
          servers: [`127.0.0.1:${server.port}`],
          intervalMs: 1000
        },
        parts
      )
    )
    await found.until(() => found.sets.length > 1)
    t.match(found.sets.at(-1), [
      { name: '10.0.0.1:81', weight: 1000, backup: false },
      { name: '[2001:db8::1]:81', weight: 1, backup: false }
    ])
    t.match(
      found.warnings,
      [/^targets of _web\._tcp\.test are left out.*: gone\.test \(.*ENOTFOUND/],
      'told once'
    )
    zone.set('s2.test', { fails: true })
    zone.set('gone.test', { a: ['10.0.0.3', '10.0.0.3'] })
    await found.until(() => found.names.includes('10.0.0.3:81'))
    t.strictSame(
      found.names,
      ['10.0.0.1:81', '10.0.0.3:81', '[2001:db8::1]:81'],
      'the last address of one that fails'
    )
    zone.delete('s1.test')
    zone.delete('s2.test')
    zone.set('_web._tcp.test', {
      srv: [
        { ...one, priority: 0 },
        { ...one, priority: 5, target: 'gone.test' }
      ]
    })
    await found.until(() => found.names.length === 1)
    t.match(found.sets.at(-1), [{ name: '10.0.0.3:81', backup: false }], 'the best of those that are there')
    zone.delete('gone.test')
    await found.until(() => found.failures.length > 0)
    t.strictSame(found.names, ['10.0.0.3:81'])
  }
)

t.test('names with IPv6 only, by a chain of others, many, twice the same and with a TTL of 0', async (t) => {
  const server = await DnsServer.start(t, [])
  server.ttl = 0
  const zone = new Map<string, Names>([
    ['x.test', { cname: 'y.test' }],
    ['y.test', { cname: 'z.test' }],
    ['z.test', { aaaa: ['20010db8000000000000000000000001', '20010db8000000000000000000000001'] }]
  ])
  server.zone = zone
  const found = following(t, ({ parts }) =>
    dnsSource(
      { kind: 'dns', type: 'a', name: 'x.test', port: 80, servers: [`127.0.0.1:${server.port}`] },
      parts
    )
  )
  await found.until(() => found.names.length > 0)
  t.strictSame(found.names, ['[2001:db8::1]:80'])
  zone.set('x.test', { a: Array.from({ length: 25 }, (_, i) => `10.0.2.${i}`) })
  await found.until(() => found.names.length === 25)
  t.ok(found.sets.length < 100, 'a TTL of 0 is a second')
})

t.test('a file by links as Kubernetes swaps them, half written, gone and back as it was', async (t) => {
  const folder = t.testdir({})
  for (const [name, list] of [
    ['one', '["127.0.0.1:1"]'],
    ['two', '["127.0.0.1:2"]']
  ] as const) {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, 'list.json'), list)
  }
  symlinkSync('one', join(folder, '..data'))
  symlinkSync('..data/list.json', join(folder, 'list.json'))
  const path = join(folder, 'list.json')
  const found = following(t, ({ parts }) => fileSource({ kind: 'file', path }, parts))
  await found.until(() => found.names[0] === '127.0.0.1:1')
  symlinkSync('two', join(folder, '..data_tmp'))
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
  await found.until(() => found.names[0] === '127.0.0.1:2')

  writeFileSync(join(folder, 'two', 'list.json'), '["127.0.0.1:3", "127.0.')
  await found.until(() => found.failures.length === 1)
  t.strictSame(found.names, ['127.0.0.1:2'])
  writeFileSync(join(folder, 'two', 'list.json'), '["127.0.0.1:3", "127.0.0.1:4"]')
  await found.until(() => found.names.length === 2)

  renameSync(join(folder, 'two'), join(folder, 'away'))
  await found.until(() => found.failures.length >= 3)
  t.strictSame(found.names, ['127.0.0.1:3', '127.0.0.1:4'])
  renameSync(join(folder, 'away'), join(folder, 'two'))
  await answersAgain(found)
  rmSync(path)
  // A pipe without a writer would hold a thread of the process at each look.
  execFileSync('mkfifo', [path])
  await found.until(() => found.failures.includes(`${path} is not a regular file`))
  rmSync(path)
  writeFileSync(path, '["127.0.0.1:5"]')
  await found.until(() => found.names[0] === '127.0.0.1:5')
})

t.test('half a list is a list too: a file that is being written is read when it rests', async (t) => {
  const path = join(t.testdir({ 'list.yaml': '- 127.0.0.1:1\n' }), 'list.yaml')
  let resting = 0
  const found = following(t, ({ parts }) => {
    const clock = { ...parts.clock, wall: () => statSync(path).mtimeMs + resting }
    return fileSource({ kind: 'file', path }, { ...parts, clock })
  })
  await found.until(() => found.names.length === 1)
  writeFileSync(path, '- 127.0.0.1:1\n- 127.0.0.1:2\n')
  await new Promise((resolve) => setTimeout(resolve, 1_200))
  t.equal(found.sets.length, 1)
  appendFileSync(path, '- 127.0.0.1:3\n')
  resting = 200
  await found.until(() => found.names.length === 3)
  t.strictSame(
    found.sets.map((set) => set.length),
    [1, 3]
  )
})

t.test('a URL with half a body, wrong JSON, a redirect to nowhere or 304 to a stranger', async (t) => {
  const list = '["127.0.0.1:1"]'
  let answer: Serve = (_, response) => response.writeHead(304).end()
  const url = await serve(t, (...all) => answer(...all))
  const found = following(t, ({ parts }) =>
    httpSource({ kind: 'http', url, intervalMs: 20, headers: {} }, parts)
  )
  await found.until(() => found.failures.some((text) => text.includes('304')))
  t.strictSame(found.sets, [], 'nothing was found yet')
  answer = (_, response, { headers }) => {
    if (headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.setHeader('etag', '"1"').end(list)
  }
  await found.until(() => found.sets.length > 1)
  for (const [why, ill] of [
    ['half', (_url, response) => response.writeHead(200, { 'content-length': 99 }).write(list)],
    ['json', (_url, response) => response.end('{"backends": [{}]}')],
    ['html', (_url, response) => response.end('<html>')],
    ['moved', (_url, response) => response.writeHead(302, { location: '/x' }).end()]
  ] as [string, Serve][]) {
    const good = answer
    const failures = found.failures.length
    answer = (url, response, request) => {
      ill(url, response, request)
      // The head first, then the end in the middle of the body.
      if (why === 'half') setTimeout(() => response.destroy(), 50)
    }
    await found.until(() => found.failures.length > failures)
    t.strictSame(found.names, ['127.0.0.1:1'], why)
    answer = good
    await answersAgain(found)
  }
  // Half a minute if the delay doubled beyond the interval.
  const failures = found.failures.length
  answer = (_url, response) => response.writeHead(500).end()
  await found.until(() => found.failures.length > failures + 8)
})

t.test('a URL whose answers are encoded, also in a way that was not asked for', async (t) => {
  let turn = 0
  let answer: Serve = (_, response) => response.end('[]')
  const url = await serve(t, (...all) => answer(...all))
  const found = following(t, ({ parts }) =>
    httpSource({ kind: 'http', url, intervalMs: 20, headers: {} }, parts)
  )
  const send = (encoding: string, bytes: (text: string) => Buffer) => {
    const address = `127.0.0.1:${++turn}`
    answer = (_, response) =>
      response.setHeader('content-encoding', encoding).end(bytes(JSON.stringify([address])))
    return address
  }
  for (const [encoding, encode] of [
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['identity', Buffer.from]
  ] as const) {
    const address = send(encoding, encode)
    await found.until(() => found.names[0] === address)
  }
  const names = found.names
  for (const [encoding, bytes, why] of [
    ['gzip', (text: string) => gzipSync(text).subarray(0, 20), /unexpected end/],
    ['gzip', Buffer.from, /incorrect header/],
    ['gzip', () => gzipSync(Buffer.alloc(100_000_000)), /more than 16777216 bytes/],
    ['gzip, br', Buffer.from, /content encoding "gzip, br"/]
  ] as const) {
    send(encoding, bytes)
    await found.until(() => found.failures.some((text) => why.test(text)))
    t.strictSame(found.names, names, String(why))
  }
})

t.test('Consul restarts with a lower index, fails, and moves its index for others', async (t) => {
  let index = 50
  let host = '10.0.0.1'
  let status = 200
  const asked: number[] = []
  let waiting: (() => void)[] = []
  const url = await serve(t, ({ searchParams }, response) => {
    const with_ = Number(searchParams.get('index'))
    asked.push(with_)
    const answer = () =>
      response
        .writeHead(status, { 'x-consul-index': String(index) })
        .end(JSON.stringify([{ Node: { Address: host }, Service: { Port: 80 } }]))
    // It waits for a larger one, as Consul does.
    if (status === 200 && with_ >= index) waiting.push(answer)
    else answer()
  })
  const change = () => {
    for (const answer of waiting) answer()
    waiting = []
  }
  const found = following(t, ({ parts }) => consulSource({ kind: 'consul', service: 'api', url }, parts))
  await found.until(() => waiting.length === 1)
  t.strictSame(asked, [0, 50])
  // Restored from a backup: it answers with less than it was asked with.
  index = 7
  host = '10.0.0.2'
  change()
  await found.until(() => found.names[0] === '10.0.0.2:80' && waiting.length === 1)
  t.strictSame(asked, [0, 50, 0, 7])
  status = 500
  change()
  await found.until(() => found.failures.includes('status 500'))
  t.strictSame(found.names, ['10.0.0.2:80'])
  status = 200
  index = 3
  host = '10.0.0.3'
  await found.until(() => found.names[0] === '10.0.0.3:80' && waiting.length === 1)
  t.equal(asked.at(-2), 0, 'after a failure it begins anew')
  const before = asked.length
  const from = performance.now()
  while (performance.now() - from < 500) {
    index++
    change()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const most = 2 + (performance.now() - from) / 100
  t.ok(asked.length - before <= most, `${asked.length - before} questions, at most ${most}`)
})

/** An API server with one slice, whose answers to lists and watches are changed by the test. */
async function cluster(t: Test, silentMs = 60_000) {
  const state = {
    token: 'first',
    host: '10.0.0.1',
    version: 100,
    lists: 0,
    watches: [] as string[],
    /** Says what a watch is answered; undefined: it is held. */
    refuse: undefined as ((response: ServerResponse) => void) | undefined,
    streams: new Set<ServerResponse>()
  }
  const slice = () => ({
    metadata: { name: 'a', resourceVersion: String(state.version) },
    addressType: 'IPv4',
    ports: [{ port: 80 }],
    endpoints: [{ addresses: [state.host] }]
  })
  const url = await serve(t, ({ searchParams }, response, request) => {
    if (request.headers.authorization !== `Bearer ${state.token}`) {
      response.writeHead(401).end('{"code":401}')
    } else if (searchParams.get('watch') === null) {
      state.lists++
      const metadata = { resourceVersion: String(state.version) }
      response.end(JSON.stringify({ metadata, items: [slice()] }))
    } else {
      state.watches.push(searchParams.get('resourceVersion')!)
      if (state.refuse !== undefined) return state.refuse(response)
      state.streams.add(response.writeHead(200))
      response.flushHeaders()
    }
  })
  const token = join(t.testdir({ token: 'first' }), 'token')
  const kubeconfig = join(token, '..', 'config')
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: url } }],
      users: [{ name: 'u', user: { tokenFile: token } }]
    })
  )
  const found = following(t, ({ parts }) =>
    kubernetesSource({ kind: 'kubernetes', service: 'api', kubeconfig }, parts, silentMs)
  )
  await found.until(() => state.streams.size === 1)
  const event = (type: string, object: object) => {
    for (const stream of state.streams) stream.write(`${JSON.stringify({ type, object })}\n`)
  }
  const drop = () => {
    for (const stream of state.streams) stream.destroy()
    state.streams.clear()
  }
  return { state, found, slice, event, drop, token }
}

t.test('Kubernetes: an expired token is read again', async (t) => {
  const { state, found, drop, token } = await cluster(t)
  state.token = 'second'
  drop()
  await found.until(() => found.failures.some((text) => text.includes('401')))
  t.strictSame(found.names, ['10.0.0.1:80'])
  writeFileSync(token, 'second')
  state.host = '10.0.0.2'
  await found.until(() => found.names[0] === '10.0.0.2:80')
})

t.test('Kubernetes: a server that is restored from a backup is listed again', async (t) => {
  const { state, found, drop } = await cluster(t)
  state.version = 10
  state.host = '10.0.0.2'
  const tooLarge = { code: 504, reason: 'Timeout', message: 'Too large resource version: 100, current: 10' }
  state.refuse = (response) => void response.writeHead(504).end(JSON.stringify(tooLarge))
  drop()
  await found.until(() => found.failures.some((text) => text.includes('504')))
  state.refuse = undefined
  await found.until(() => found.names[0] === '10.0.0.2:80' && state.streams.size === 1)
  t.equal(state.watches.at(-1), '10')
})

t.test('Kubernetes: errors and nonsense in a watch, and a watch that breaks', async (t) => {
  const { state, found, event, drop, slice } = await cluster(t)
  for (const [what, ill] of [
    ['409', () => event('ERROR', { code: 409, message: 'Conflict' })],
    ['500', () => event('ERROR', { code: 500, message: 'etcd is away' })],
    ['JSON', () => [...state.streams].forEach((stream) => stream.write('{"type":\n'))],
    ['end', () => drop()]
  ] as const) {
    const before = [found.failures.length, found.sets.length] as const
    ill()
    await found.until(() => found.failures.length > before[0] && found.sets.length > before[1])
    t.strictSame(found.names, ['10.0.0.1:80'], what)
    drop()
    await found.until(() => state.streams.size > 0)
  }
  state.host = '10.0.0.9'
  event('MODIFIED', slice())
  await found.until(() => found.names[0] === '10.0.0.9:80')
})

t.test('Kubernetes: a watch that hangs is dropped, bookmarks keep it alive', async (t) => {
  const { state, found, event } = await cluster(t, 1500)
  const alive = setInterval(() => event('BOOKMARK', { metadata: { resourceVersion: '101' } }), 100)
  t.teardown(() => clearInterval(alive))
  await new Promise((resolve) => setTimeout(resolve, 2500))
  t.equal(state.watches.length, 1)
  clearInterval(alive)
  state.host = '10.0.0.2'
  await found.until(() => state.watches.length > 1)
  t.equal(state.watches.at(-1), '100', 'where it was: it has told of no change')
})

t.test('Kubernetes: watches that end at once are not begun at once', async (t) => {
  const { state, drop, found } = await cluster(t)
  state.refuse = (response) => void response.writeHead(200).end()
  const before = state.watches.length
  const from = performance.now()
  drop()
  await found.until(() => state.watches.length - before >= 3)
  t.ok(performance.now() - from > 1500, 'one a second')
})

t.test('Kubernetes: a burst of events is reported as one', async (t) => {
  const { state, found, event, slice } = await cluster(t)
  const before = found.sets.length
  for (let i = 0; i < 1000; i++) {
    state.host = `10.1.${i >> 8}.${i & 255}`
    event('MODIFIED', slice())
  }
  await found.until(() => found.names[0] === '10.1.3.231:80')
  t.ok(found.sets.length - before < 100, `told ${found.sets.length - before} times`)
})
