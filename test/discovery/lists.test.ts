import t from 'tap'
import { readBackendList } from '../../src/config/backend-list.ts'
import type { DockerDiscovery } from '../../src/config/model/model.ts'
import { ContainerReader, type Container } from '../../src/discovery/docker/containers.ts'
import { eventOf } from '../../src/discovery/docker/events.ts'
import { SliceReader, type EndpointSlice } from '../../src/discovery/kubernetes/slices.ts'

t.test('a list of backends is read as in the file, by itself or under its key', async (t) => {
  const list = readBackendList('["10.0.0.1:80", { address: "10.0.0.2:80", name: b, weight: 3 }]', 'x')
  t.match(list, [
    { name: '10.0.0.1:80', weight: 1, backup: false },
    { name: 'b', weight: 3, address: { host: '10.0.0.2', port: 80 } }
  ])
  t.match(readBackendList('{"backends": ["[::1]:80"]}', 'x'), [{ address: { text: '[::1]:80' } }])
  t.strictSame(readBackendList('[]', 'x'), [])
})

t.test('an invalid list says why, in one line', async (t) => {
  const cases: readonly [string, RegExp][] = [
    ['{', /x: /],
    ['hello', /not a list of backends/],
    [
      '[{ address: "10.0.0.1:80", wieght: 3 }]',
      /^x: backend 0: unknown key "wieght"; did you mean "weight"\?$/
    ],
    [
      '[{ address: "10.0.0.1:80", wieght: 3, nmae: b }]',
      /"wieght"; did.*; unknown key "nmae"; did you mean "name"\?$/
    ],
    ['["10.0.0.1"]', /x: backend 0/],
    ['["10.0.0.1:80", "10.0.0.1:80"]', /is there twice/],
    [
      `a: &a [1,2,3,4,5,6,7,8,9]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]`,
      /x/
    ]
  ]
  for (const [text, expected] of cases) {
    const problem = readBackendList(text, 'x')
    t.type(problem, 'string', text)
    t.match(problem, expected)
    t.notMatch(problem, /\n/)
  }
})

const docker: DockerDiscovery = { kind: 'docker', socket: '/x', label: 'lb.pool=api', port: 8080 }

const containerBackends = (containers: Container[], config: DockerDiscovery) =>
  new ContainerReader(config).read(containers)

function container(name: string, labels: Record<string, string>, more: Partial<Container> = {}): Container {
  return {
    Id: `${name}0123456789ab`,
    Names: [`/${name}`],
    Labels: labels,
    Status: 'Up 2 minutes',
    Ports: [{ PrivatePort: 3000, Type: 'tcp' }],
    NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2' }, web: { IPAddress: '10.9.0.2' } } },
    ...more
  }
}

t.test('containers become backends by their labels', async (t) => {
  const { backends, warnings } = containerBackends(
    [
      container('b', { 'lb.port': '9000', 'lb.weight': '5', 'lb.network': 'web', 'lb.backup': 'true' }),
      container('a', {}),
      container('traefik', {
        'traefik.http.services.x.loadbalancer.server.port': '4000',
        'traefik.docker.network': 'web'
      }),
      container('off', { 'lb.enable': 'false' }),
      container('sick', {}, { Status: 'Up 1 hour (unhealthy)' })
    ],
    docker
  )
  t.strictSame(warnings, [])
  t.match(backends, [
    { name: 'a', address: { text: '172.17.0.2:8080' } },
    { name: 'b', address: { text: '10.9.0.2:9000' }, weight: 5, backup: true },
    { name: 'traefik', address: { text: '10.9.0.2:4000' } }
  ])
  t.equal(backends.length, 3)
})

t.test('a typo in a label names the container and the label', async (t) => {
  const { backends, warnings } = containerBackends(
    [
      container('web', { 'lb.prot': '9000' }),
      container('api', { 'lb.port': 'http' }),
      container('lost', {}, { NetworkSettings: { Networks: { bridge: {} } } }),
      container('open', {}, { NetworkSettings: { Networks: { host: { IPAddress: '' } } } })
    ],
    docker
  )
  t.equal(backends.length, 2)
  t.match(warnings[0], /container web: label lb\.prot is unknown; known are .*lb\.port/)
  t.match(warnings[1], /container api: label lb\.port: "http" is not a number/)
  t.match(warnings[2], /container lost has no address$/)
  t.match(warnings[3], /container open has no address of its own, it uses the host's/)
})

t.test('containers with equal names are distinguished', async (t) => {
  const { backends } = containerBackends(
    [
      container('a', { 'lb.name': 'same' }),
      container(
        'b',
        { 'lb.name': 'same' },
        { NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.9' } } } }
      )
    ],
    docker
  )
  t.equal(new Set(backends.map(({ name }) => name)).size, 2)
})

t.test('of containers with one name the oldest keeps it, in whatever order they are listed', async (t) => {
  const at = (id: string, Created: number, IPAddress: string) =>
    container('x', {}, { Id: id, Created, NetworkSettings: { Networks: { bridge: { IPAddress } } } })
  const [old, young, third] = [at('b', 1, '10.0.0.1'), at('a', 2, '10.0.0.2'), at('c', 2, '10.0.0.2')]
  const reader = new ContainerReader(docker)
  const first = reader.read([young, old, third]).backends
  t.match(
    first.map(({ name, address }) => [name, address.text]),
    [
      ['10.0.0.2:8080', '10.0.0.2:8080'],
      ['10.0.0.2:8080 c', '10.0.0.2:8080'],
      ['x', '10.0.0.1:8080']
    ]
  )
  const again = reader.read([third, old, young]).backends
  t.equal(again[2], first[2], 'and is the same object')
  t.equal(new Set(again.map(({ name }) => name)).size, 3)
})

t.test('events name the container that may have changed', async (t) => {
  const id = 'ab'.repeat(32)
  const cases: [object | string, ReturnType<typeof eventOf>][] = [
    [{ Type: 'container', Action: 'start', Actor: { ID: id } }, { container: id }],
    [{ Type: 'container', Action: 'die', id }, { container: id }],
    [{ Type: 'container', Action: 'health_status: unhealthy', Actor: { ID: id } }, { container: id }],
    [
      { Type: 'network', Action: 'connect', Actor: { ID: 'n', Attributes: { container: id } } },
      { container: id }
    ],
    [{ Type: 'network', Action: 'destroy', Actor: { ID: id, Attributes: {} } }, undefined],
    [{ Type: 'container', Action: 'start', Actor: { ID: 'web1' } }, undefined],
    [{ Type: 'container', Action: 'start' }, undefined],
    [
      { Type: 'container', Action: 'exec_start: curl -f http://localhost', Actor: { ID: id } },
      'of no matter'
    ],
    [{ Type: 'container', Action: 'top', Actor: { ID: id } }, 'of no matter'],
    ['{', undefined],
    ['null', undefined],
    ['7', undefined]
  ]
  for (const [event, meaning] of cases)
    t.strictSame(eventOf(typeof event === 'string' ? event : JSON.stringify(event)), meaning)
})

t.test('a slice or container that did not change is not read again', async (t) => {
  const slices = Array.from({ length: 50 }, (_, s) =>
    slice(
      `s${s}`,
      Array.from({ length: 100 }, (_, i) => ({ addresses: [`10.2.${s}.${i}`] }))
    )
  )
  const reader = new SliceReader('http', undefined)
  const before = reader.backends(slices)
  t.equal(before.length, 5_000)
  slices[7] = slice('s7', [{ addresses: ['10.2.7.200'] }, { addresses: ['10.2.8.8'] }])
  const after = reader.backends(slices)
  t.equal(after.length, 4_901, 'an address in two slices is one backend')
  t.strictSame(
    after.map(({ name }) => name),
    after.map(({ name }) => name).sort()
  )
  const known = new Set(before)
  t.ok(after.filter((each) => !known.has(each)).length <= 2)
})

const sliceBackends = (
  slices: EndpointSlice[],
  port: string | number | undefined,
  zone: string | undefined
) => new SliceReader(port, zone).backends(slices)

function slice(
  name: string,
  endpoints: EndpointSlice['endpoints'],
  more: Partial<EndpointSlice> = {}
): EndpointSlice {
  return {
    metadata: { name },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: 8080 },
      { name: 'metrics', port: 9090 }
    ],
    endpoints,
    ...more
  }
}

t.test('slices of a service are merged, and only ready endpoints taken', async (t) => {
  const backends = sliceBackends(
    [
      slice('a', [
        { addresses: ['10.1.0.2'], conditions: { ready: true } },
        { addresses: ['10.1.0.3'], conditions: { ready: false } },
        { addresses: ['10.1.0.4'] }
      ]),
      slice('b', [{ addresses: ['10.1.0.5'], conditions: { ready: true } }], {
        ports: [{ name: 'http', port: 8081 }]
      }),
      slice('fqdn', [{ addresses: ['x.example'] }], { addressType: 'FQDN' })
    ],
    'http',
    undefined
  )
  t.strictSame(
    backends.map(({ name }) => name),
    ['10.1.0.2:8080', '10.1.0.4:8080', '10.1.0.5:8081']
  )
  t.strictSame(sliceBackends([slice('a', [{ addresses: ['10.1.0.2'] }])], 9090, undefined).length, 1)
  t.strictSame(
    sliceBackends([slice('a', [{ addresses: ['10.1.0.2'] }])], undefined, undefined).length,
    0,
    'two ports and none named'
  )
})

t.test('terminating endpoints still serve while there is no other', async (t) => {
  const ending = { addresses: ['10.1.0.9'], conditions: { ready: false, serving: true, terminating: true } }
  const ready = { addresses: ['10.1.0.2'], conditions: { ready: true } }
  t.equal(sliceBackends([slice('a', [ending])], 'http', undefined).length, 1)
  t.match(sliceBackends([slice('a', [ending, ready])], 'http', undefined), [{ name: '10.1.0.2:8080' }])
})

t.test('zone hints count where every endpoint has one', async (t) => {
  const hinted = (address: string, zone: string) => ({
    addresses: [address],
    hints: { forZones: [{ name: zone }] }
  })
  const both = [hinted('10.1.0.2', 'a'), hinted('10.1.0.3', 'b')]
  t.match(sliceBackends([slice('s', both)], 'http', 'b'), [{ name: '10.1.0.3:8080' }])
  t.equal(sliceBackends([slice('s', [...both, { addresses: ['10.1.0.4'] }])], 'http', 'b').length, 3)
  t.equal(sliceBackends([slice('s', both)], 'http', 'elsewhere').length, 2)
})

t.test('a pod in slices of both families is one backend', async (t) => {
  const pod = { targetRef: { name: 'pod-1' } }
  const backends = sliceBackends(
    [
      slice('six', [{ addresses: ['fd00::1'], ...pod }], { addressType: 'IPv6' }),
      slice('four', [{ addresses: ['10.1.0.2'], ...pod }])
    ],
    'http',
    undefined
  )
  t.match(backends, [{ name: '10.1.0.2:8080' }])
  t.equal(backends.length, 1)
})
