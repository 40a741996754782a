import { contestants, everyProxy, servers } from './contestants.ts'
import { httpLoadScenario } from './http-load-scenario.ts'

const keepAlive = { connections: 64, path: '/' }

export const l7Get = httpLoadScenario({
  name: 'l7-get',
  title: 'Small GET, keep-alive',
  about: '64 keep-alive connections, a 100-byte answer. What a proxy costs per request.',
  load: keepAlive,
  contestants: contestants(...everyProxy),
  quick: true,
  smoke: true
})

export const l7GetPipelining = httpLoadScenario({
  name: 'l7-get-pipelining8',
  title: 'Small GET, requests pipelined to the backend',
  about: 'As l7-get, with `connections: { pipelining: 8 }` in the pool of lb; the others cannot.',
  load: keepAlive,
  contestants: [
    { label: 'lb pipelining 8', target: 'lb', work: { pipelining: 8 } },
    ...contestants('lb', 'nginx', 'haproxy')
  ],
  quick: false
})

export const l7Post = httpLoadScenario({
  name: 'l7-post-1k',
  title: 'POST of 1 KB',
  about: '64 keep-alive connections, a body of 1 KB up, 100 bytes down.',
  load: { ...keepAlive, method: 'POST', bodyBytes: 1024 },
  contestants: contestants(...everyProxy),
  quick: true
})

export const l7Get64k = httpLoadScenario({
  name: 'l7-64k',
  title: 'Body of 64 KB',
  about: '64 keep-alive connections, 64 KB down. The ratio of CPU per request is that of CPU per byte.',
  load: { ...keepAlive, path: '/64k' },
  contestants: contestants(...servers, 'http-proxy-3', 'fast-proxy'),
  quick: true
})

export const l7Get1m = httpLoadScenario({
  name: 'l7-1m',
  title: 'Body of 1 MB',
  about: '16 keep-alive connections, 1 MB down.',
  load: { connections: 16, path: '/1m' },
  contestants: contestants(...servers, 'http-proxy-3', 'fast-proxy'),
  quick: false
})

export const l7NewConnections = httpLoadScenario({
  name: 'l7-new-connections',
  title: 'A new connection for every request',
  about: 'Connect, one small GET with `Connection: close`, close; connections to the origin are kept.',
  load: { ...keepAlive, close: true },
  contestants: contestants(...servers, 'http-proxy-3', 'fast-proxy'),
  quick: true
})

export const routes1000 = httpLoadScenario({
  name: 'routes-1000',
  title: '1,000 routes',
  about: '1,000 path prefixes, the last one asked for; lb with 10 and with none beside it.',
  load: { ...keepAlive, path: '/r999/page' },
  contestants: [
    { label: 'lb 1000 routes', target: 'lb', work: { routes: 1000 } },
    { label: 'lb 10 routes', target: 'lb', work: { routes: 10 } },
    { label: 'lb', target: 'lb' },
    ...contestants('nginx', 'haproxy', 'caddy').map((c) => ({ ...c, work: { routes: 1000 } }))
  ],
  quick: false
})

export const backends1000 = httpLoadScenario({
  name: 'backends-1000',
  title: '1,000 backends',
  about: 'Round robin over 1,000 addresses of one origin; lb with 3 beside it.',
  load: keepAlive,
  addresses: 1000,
  contestants: [
    { label: 'lb 1000 backends', target: 'lb' },
    { label: 'lb 3 backends', target: 'lb', backends: 3 },
    ...contestants('nginx', 'haproxy', 'caddy')
  ],
  quick: false
})

export const workers2 = httpLoadScenario({
  name: 'workers-2',
  title: 'Two workers against one',
  about:
    'The same load on lb with two workers and with one, none pinned to a core. On a machine of fewer than four cores ' +
    'the load and the origin take what a second worker would use, so read the CPU per request, not the rate.',
  load: { ...keepAlive, connections: 128 },
  contestants: [
    { label: 'lb 2 workers', target: 'lb', work: { workers: 2 } },
    { label: 'lb 1 worker', target: 'lb' },
    { label: 'haproxy 2 threads', target: 'haproxy', work: { workers: 2 } },
    { label: 'nginx 2 workers', target: 'nginx', work: { workers: 2 } }
  ],
  manyCores: true,
  quick: false
})
