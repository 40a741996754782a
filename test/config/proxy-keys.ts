const head = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]\n'
const pools = 'pools:\n  web: { backends: ["10.0.0.1:80"] }\n'
const L = (keys: string) => `listeners:\n  - { bind: ":8080", mode: l7, pool: web, ${keys} }\n${pools}`
const L4 = (keys: string) => `listeners:\n  - { bind: ":5432", mode: l4, pool: web, ${keys} }\n${pools}`
const R = (keys: string) =>
  `listeners:\n  - bind: ":8080"\n    mode: l7\n    pool: web\n    routes:\n      - { ${keys} }\n${pools}`
const P = (keys: string) => `${head}pools:\n  web: { backends: ["10.0.0.1:80"], ${keys} }\n`
const B = (backend: string) => `${head}pools:\n  web: { backends: [${backend}] }\n`
const T = (keys: string) => `${keys}\n${head}${pools}`

/** Keys of other proxies that are there in another form, or not at all. Text, place, cure. */
// prettier-ignore
export const proxyKeys: readonly (readonly [text: string, at: string, cure: string])[] = [
  [R('match: { pathPrefix: "/API", caseInsensitive: true }, pool: web'), '6:40', 'here it is `pathRegex: "^/[Aa][Pp][Ii]"`: paths are compared with case'],
  [R('match: { expression: "path(\'/a\')" }, pool: web'), '6:20', 'here it is `host`, `path`, `headers` and others beside each other, all of which must hold'],
  [R('match: {}, respond: { status: "404 Not Found" }'), '6:41', 'write 404'],
  [R('match: {}, pool: web, headers: { response: { replace: { Location: x } } }'), '6:56', 'here it is `set`, which puts a value in place of what is there'],
  [R('match: {}, pool: web, hostHeader: backend'), '6:33', 'here it is `headers: { request: { set: { Host: app.internal } } }`'],
  [R('match: {}, pool: web, rewrite: { prefix: /v1 }'), '6:44', 'here it is `addPrefix: /v1`'],
  [R('match: {}, pool: web, bufferRequests: true'), '6:33', 'here it is `buffer: { request: 1mb }`'],
  [L('hosts: [example.com]'), '2:43', 'here it is `routes: [{ match: { host: example.com }, pool: web }]`'],
  [L('reuseport: true'), '2:43', 'sockets of all workers share the address; take it out'],
  [L('backlog: 4096'), '2:43', 'the length of the queue is that of the system (`net.core.somaxconn`); take it out'],
  [L('transparent: true'), '2:43', 'backends learn clients\' addresses by `proxyProtocol: v2` of the pool, or X-Forwarded-For; take it out'],
  [L('defer_accept: true'), '2:43', 'a connection that says nothing yet costs little; take it out'],
  [L('ipv6only: true'), '2:43', '`bind: "0.0.0.0:8080"` is IPv4 and `bind: "[::]:8080"` IPv6 alone; a list of both is both'],
  [L('interface: eth0'), '2:43', 'name the address of the interface: `bind: "10.0.0.9:8080"`'],
  [L('nbthread: 4'), '2:43', 'here it is `workers: 4` at the top of the file'],
  [L('geoip: DE'), '2:43', 'countries are not known here; a CDN in front tells them in a field, which `match: { headers: … }` reads'],
  [L('waf: true'), '2:43', 'lb searches requests for no attacks; put a firewall in front, or ask one by `auth: [{ forward: { url: … } }]`'],
  [L('maxRequests: 100'), '2:43', 'clients may send any number of requests over a connection; take it out'],
  [L('server_tokens: "off"'), '2:43', 'lb adds no Server field; `headers: { response: { remove: [Server] } }` takes out that of the backends'],
  [L4('tls: { passthrough: true }'), '2:50', 'here it is `mode: l4` without `tls`: it passes TLS on unread, and `sni` chooses by name'],
  [L4('protocol: http'), '2:53', 'HTTP is `mode: l7`; take it out'],
  [L4('sni: [{ host: "HostSNI(`*`)", pool: web }]'), '2:57', 'write its pool as the `pool` of the listener instead'],
  [L4('timeouts: { tunnel: 1h }'), '2:55', 'here it is `idle: 10m`, the longest time without bytes of either side'],
  [L4('timeouts: { client: 1h, server: 1h }'), '2:55', 'here it is `idle: 10m`, the longest time without bytes of either side'],
  [P('passiveHealthCheck: { maxFails: 3 }'), '3:37', 'here it is `breaker: { failures: 3, open: 10s }` of the pool'],
  [P('active_health: { uri: /h }'), '3:37', 'here it is `health: { type: http, path: /healthz }` of the pool'],
  [P('host: backend.internal'), '3:37', 'here it is `headers: { request: { set: { Host: app.internal } } }` of the route'],
  [P('responseForwarding: { flushInterval: 1ms }'), '3:37', 'bodies go on as they come; take it out'],
  [P('random: two least_conn'), '3:37', 'here it is `algorithm: random-two` of the pool'],
  [P('tls: { serverName: "*.example.com" }'), '3:56', 'it whole'],
  [P('protocol: ws'), '3:47', 'write http1, which carries WebSocket too'],
  [B('{ id: s1, address: "127.0.0.1:9001" }'), '3:23', 'here it is `name: s1`'],
  [B('"*:9001"'), '3:21', 'a backend is one server: "127.0.0.1" is this machine'],
  [B('9001'), '3:21', 'write "127.0.0.1:9001" for a port of this machine'],
  [B('"exämple.de:80"'), '3:21', 'in the form of DNS it is "xn--exmple-cua.de"'],
  [T('user: www-data:www-data'), '1:7', 'write "www-data" alone'],
  [T('group: www-data'), '1:1', 'it is that of `user`; take it out'],
  [T('rateLimits: { a: { requests: 1 } }'), '1:1', 'here it is `rateLimit: { requests: 100, per: 1s }` of a listener or route'],
  [T('certificates: [{ cert: a, key: b }]'), '1:1', 'here it is `tls: { certificates: [{ cert: FILE, key: FILE }] }` of the listener'],
  [T('maps: {}'), '1:1', 'here it is routes, tried one after the other: `match: { headers: … }`']
]
