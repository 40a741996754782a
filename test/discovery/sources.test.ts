import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { consulSource } from '../../src/discovery/consul.ts'
import { dockerSource } from '../../src/discovery/docker/docker.ts'
import { fileSource } from '../../src/discovery/file.ts'
import { httpSource } from '../../src/discovery/http.ts'
import { clusterAccess } from '../../src/discovery/kubernetes/access.ts'
import { kubernetesSource } from '../../src/discovery/kubernetes/kubernetes.ts'
import { Found } from './found.ts'

async function serve(
  t: Test,
  handle: (request: IncomingMessage, response: ServerResponse, url: URL) => void,
  socket?: string
): Promise<string> {
  const server = createServer((request, response) =>
    handle(request, response, new URL(request.url!, 'http://localhost'))
  )
  if (socket === undefined) server.listen(0, '127.0.0.1')
  else server.listen(socket)
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return socket ?? `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test(
  'a file is read again when it changes, also by a rename, and a broken one changes nothing',
  async (t) => {
    const folder = t.testdir({ 'b.yaml': '["127.0.0.1:1"]' })
    const path = join(folder, 'b.yaml')
    const found = new Found()
    const source = fileSource({ kind: 'file', path }, found.parts)
    t.teardown(() => source.close())
    await found.until(() => found.names.length === 1)
    writeFileSync(join(folder, 'next'), 'backends: [{ address: "127.0.0.1:2", name: two }]')
    renameSync(join(folder, 'next'), path)
    await found.until(() => found.names[0] === 'two')
    writeFileSync(path, '["127.0.0.1:3", ')
    await found.until(() => found.failures.length > 0)
    t.strictSame(found.names, ['two'])
    rmSync(path)
    await found.until(() => found.failures.some((text) => text.includes('ENOENT')))
    t.strictSame(found.names, ['two'])
  }
)

t.test('a URL is fetched with its ETag, and an invalid answer changes nothing', async (t) => {
  let answer = { status: 200, body: '["127.0.0.1:1"]', etag: '"1"' }
  const asked: (string | undefined)[] = []
  const url = await serve(t, (request, response) => {
    asked.push(request.headers['if-none-match'])
    if (request.headers['if-none-match'] === answer.etag) response.writeHead(304).end()
    else response.writeHead(answer.status, { etag: answer.etag }).end(answer.body)
  })
  const found = new Found()
  const source = httpSource({ kind: 'http', url, intervalMs: 20, headers: {} }, found.parts)
  t.teardown(() => source.close())
  await found.until(() => asked.length > 2)
  t.strictSame(found.names, ['127.0.0.1:1'])
  t.equal(asked[1], '"1"')
  answer = { status: 200, body: '["127.0.0.1:2"]', etag: '"2"' }
  await found.until(() => found.names[0] === '127.0.0.1:2')
  answer = { status: 500, body: '[]', etag: '"3"' }
  await found.until(() => found.failures.includes('status 500'))
  t.strictSame(found.names, ['127.0.0.1:2'])
})

t.test(
  'the name of a URL as a source, and what is said of its answers, hold no password and no token',
  async (t) => {
    const asked = await serve(t, (_, response) => response.end('{ "backends": 1 }'))
    const url = `${asked.replace('//', '//user:SECRET@')}?sig=SECRET`
    const found = new Found()
    const source = httpSource({ kind: 'http', url, intervalMs: 20, headers: {} }, found.parts)
    t.teardown(() => source.close())
    await found.until(() => found.failures.length > 0)
    t.match(source.label, /^http http:\/\/user:\*\*\*@127\.0\.0\.1:.*\?sig=\*\*\*$/)
    t.notMatch(JSON.stringify([source.label, found.failures, found.warnings]), 'SECRET')
  }
)

t.test('a Docker daemon is listed at its events, and its end is survived', async (t) => {
  // A unix socket's path is short.
  const folder = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'd.sock')
  const containers: object[] = []
  const streams = new Set<ServerResponse>()
  let lists = 0
  await serve(
    t,
    (_request, response, url) => {
      if (url.pathname === '/events') {
        streams.add(response.writeHead(200))
        response.flushHeaders()
        return
      }
      lists++
      t.same(JSON.parse(url.searchParams.get('filters')!), { label: ['lb.pool=api'], status: ['running'] })
      response.end(JSON.stringify(containers))
    },
    socket
  )
  const add = (name: string, host: string, labels = {}): void => {
    containers.push({
      Id: name,
      Names: [`/${name}`],
      Labels: labels,
      NetworkSettings: { Networks: { b: { IPAddress: host } } }
    })
  }
  const found = new Found()
  const source = dockerSource({ kind: 'docker', socket, label: 'lb.pool=api', port: 80 }, found.parts)
  t.teardown(() => source.close())
  await found.until(() => found.sets.length > 0)
  add('one', '10.0.0.1', { 'lb.prot': '1' })
  add('two', '10.0.0.2')
  for (let i = 0; i < 500; i++)
    for (const stream of streams) stream.write('{"Type":"container","Action":"start"}\n')
  await found.until(() => found.names.length === 2)
  t.ok(lists <= 5, `500 events, ${lists} lists`)
  t.match(found.warnings, [/container one: label lb\.prot/])
  add('three', '10.0.0.3')
  for (const stream of streams) stream.destroy()
  streams.clear()
  await found.until(() => found.names.length === 3)
  t.equal(found.warnings.length, 1, 'a typo is said once')
})

t.test('a Docker daemon whose list or events fail while its connection stays is asked again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'd.sock')
  const answers = {
    'events 500': '/events answers 500',
    'list 500': '/containers/json answers 500',
    'list null': '/containers/json answers something that is not a list',
    'list garbage': 'JSON',
    fine: ''
  }
  let how: keyof typeof answers = 'fine'
  let last = 0
  let stream: ServerResponse | undefined
  await serve(
    t,
    (_request, response, url) => {
      if (url.pathname === '/events') {
        stream = response
        response.writeHead(how === 'events 500' ? 500 : 200)
        // None of them ends.
        response.write('\n')
        return
      }
      if (how === 'list 500') response.writeHead(500)
      const wrong = { 'list null': 'null', 'list garbage': '{{' } as Partial<Record<typeof how, string>>
      const address = { IPAddress: `10.0.0.${last}` }
      const list = [{ Id: 'x', Names: ['/x'], NetworkSettings: { Networks: { b: address } } }]
      response.end(wrong[how] ?? JSON.stringify(list))
    },
    socket
  )
  const found = new Found()
  const source = dockerSource({ kind: 'docker', socket, label: 'lb.pool=api', port: 80 }, found.parts)
  t.teardown(() => source.close())
  const finds = async () => {
    const sets = found.sets.length
    last++
    how = 'fine'
    stream?.write('{"Type":"container","Action":"start"}\n')
    await found.until(() =>
      found.sets.slice(sets).some(([backend]) => backend?.address.text === `10.0.0.${last}:80`)
    )
  }
  await found.until(() => found.sets.length > 0)
  for (const [ill, why] of Object.entries(answers)) {
    if (ill === 'fine') continue
    const failures = found.failures.length
    how = ill as keyof typeof answers
    if (how === 'events 500') stream!.end()
    else stream!.write('{"Type":"container","Action":"start"}\n')
    // Also when it is asked anew.
    await found.until(() => found.failures.slice(failures).filter((text) => text.includes(why)).length > 1)
    await finds()
    t.pass(ill)
  }
})

t.test('of many containers a Docker daemon is asked only for those that events name', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socket = join(folder, 'd.sock')
  const idOf = (i: number) => i.toString(16).padStart(64, '0')
  const running = new Set(Array.from({ length: 300 }, (_, i) => idOf(i)))
  const asked: (string[] | undefined)[] = []
  let stream: ServerResponse | undefined
  await serve(
    t,
    (_request, response, url) => {
      if (url.pathname === '/events') {
        stream = response.writeHead(200)
        return response.flushHeaders()
      }
      const { id } = JSON.parse(url.searchParams.get('filters')!) as { id?: string[] }
      asked.push(id)
      const listed = [...running].filter((each) => id === undefined || id.includes(each))
      response.end(
        JSON.stringify(
          listed.map((Id) => ({
            Id,
            Names: [`/c${parseInt(Id, 16)}`],
            NetworkSettings: {
              Networks: { b: { IPAddress: `10.0.${parseInt(Id, 16) >> 8}.${parseInt(Id, 16) & 255}` } }
            }
          }))
        )
      )
    },
    socket
  )
  const found = new Found()
  const source = dockerSource({ kind: 'docker', socket, label: 'lb.pool=api', port: 80 }, found.parts)
  t.teardown(() => source.close())
  await found.until(() => found.names.length === 300)
  const tell = (Action: string, id: string) =>
    stream!.write(`${JSON.stringify({ Type: 'container', Action, Actor: { ID: id } })}\n`)
  running.delete(idOf(7))
  running.add(idOf(400))
  tell('die', idOf(7))
  tell('start', idOf(400))
  tell('exec_start: true', idOf(9))
  await found.until(() => found.names.includes('c400'))
  t.notOk(found.names.includes('c7'))
  t.equal(found.names.length, 300)
  t.strictSame(asked.at(-1)?.toSorted(), [idOf(7), idOf(400)])
  // More than fit in one question: the whole list.
  for (let i = 0; i < 150; i++) running.delete(idOf(i))
  for (let i = 0; i < 150; i++) tell('die', idOf(i))
  await found.until(() => found.names.length === 151)
  t.equal(asked.at(-1), undefined)
  stream!.write('{"Type":"network","Action":"destroy","Actor":{"ID":"n","Attributes":{}}}\n')
  const before = asked.length
  await found.until(() => asked.length > before)
  t.equal(asked.at(-1), undefined, 'an event of none in particular')
})

t.test(
  'a Kubernetes service is listed and watched, from where it was, and listed again after 410',
  async (t) => {
    const slice = (name: string, address: string, version: string) => ({
      metadata: { name, resourceVersion: version },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 80 }],
      endpoints: [{ addresses: [address], conditions: { ready: true } }]
    })
    let items = [slice('a', '10.0.0.1', '5')]
    let version = '7'
    let lists = 0
    const watches: string[] = []
    let stream: ServerResponse | undefined
    let gone = false
    const url = await serve(t, (request, response, { searchParams, pathname }) => {
      t.equal(request.headers.authorization, 'Bearer secret')
      t.equal(pathname, '/k8s/clusters/c-1/apis/discovery.k8s.io/v1/namespaces/prod/endpointslices')
      t.equal(searchParams.get('labelSelector'), 'kubernetes.io/service-name=api')
      if (searchParams.get('watch') === null) {
        lists++
        // One by one, to see that pages are followed.
        const at = Number(searchParams.get('continue') ?? 0)
        const more = at + 1 < items.length ? { continue: String(at + 1) } : {}
        response.end(
          JSON.stringify({ metadata: { resourceVersion: version, ...more }, items: items.slice(at, at + 1) })
        )
        return
      }
      watches.push(searchParams.get('resourceVersion')!)
      if (gone) {
        gone = false
        response.writeHead(410).end('{"code":410}')
        return
      }
      stream = response.writeHead(200)
      response.flushHeaders()
    })
    const kubeconfig = join(
      t.testdir({
        config: JSON.stringify({
          'current-context': 'x',
          contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'prod' } }],
          // As Rancher's are.
          clusters: [{ name: 'c', cluster: { server: `${url}/k8s/clusters/c-1/` } }],
          users: [{ name: 'u', user: { token: 'secret' } }]
        })
      }),
      'config'
    )
    const found = new Found()
    const source = kubernetesSource(
      { kind: 'kubernetes', service: 'api', namespace: 'prod', port: 'http', kubeconfig },
      found.parts
    )
    t.teardown(() => source.close())
    await found.until(() => stream !== undefined)
    t.strictSame(found.names, ['10.0.0.1:80'])
    const event = (type: string, object: object) => stream!.write(`${JSON.stringify({ type, object })}\n`)
    event('ADDED', slice('b', '10.0.0.2', '8'))
    await found.until(() => found.names.length === 2)
    event('DELETED', slice('a', '10.0.0.1', '9'))
    event('BOOKMARK', { metadata: { name: '', resourceVersion: '42' } })
    await found.until(() => found.names.length === 1)
    const before = stream
    stream!.end()
    await found.until(() => stream !== before)
    t.equal(watches.at(-1), '42', 'the bookmark was remembered')
    t.equal(lists, 1)
    items = [slice('b', '10.0.0.2', '50'), slice('c', '10.0.0.3', '51')]
    version = '52'
    gone = true
    stream!.end()
    await found.until(() => found.names.length === 2)
    await found.until(() => watches.at(-1) === '52')
    const listed = lists
    event('ERROR', { code: 410, message: 'too old' })
    await found.until(() => lists > listed)
  }
)

t.test('of several kubeconfigs the first counts, with the name that its server shows', async (t) => {
  const folder = t.testdir({
    one: JSON.stringify({
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1', 'tls-server-name': 'kubernetes' } }]
    })
  })
  const access = await clusterAccess(
    { kind: 'kubernetes', service: 'api' },
    { KUBECONFIG: `${folder}/one:${folder}/two` }
  )
  t.match(access, { url: 'https://10.0.0.1', namespace: 'default', tls: { servername: 'kubernetes' } })
})

t.test('a Consul service is followed by blocking queries', async (t) => {
  let index = 5
  let entries = [
    { Node: { Address: '10.0.0.1' }, Service: { Address: '', Port: 80, Weights: { Passing: 3 } } }
  ]
  const waiting: { response: ServerResponse; index: string | null }[] = []
  const answer = (response: ServerResponse) =>
    response.writeHead(200, { 'x-consul-index': String(index) }).end(JSON.stringify(entries))
  const url = await serve(t, (request, response, { searchParams, pathname }) => {
    t.equal(pathname, '/consul/v1/health/service/api')
    t.equal(request.headers['x-consul-token'], 'tok')
    const asked = searchParams.get('index')
    if (asked === String(index)) waiting.push({ response, index: asked })
    else answer(response)
  })
  const found = new Found()
  const source = consulSource(
    { kind: 'consul', service: 'api', url: `${url}/consul`, token: 'tok' },
    found.parts
  )
  t.teardown(() => source.close())
  await found.until(() => waiting.length === 1)
  t.match(found.sets[0], [{ name: '10.0.0.1:80', weight: 3 }])
  index = 6
  entries = [
    { Node: { Address: '10.0.0.1' }, Service: { Address: '10.0.0.9', Port: 81, Weights: { Passing: 1 } } }
  ]
  answer(waiting.pop()!.response)
  await found.until(() => found.names[0] === '10.0.0.9:81')
})
