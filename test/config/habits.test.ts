import t from 'tap'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { directives } from './directives.ts'
import { foreignHabits } from './foreign-habits.ts'
import { mistakes as more } from './mistakes.ts'
import { movers } from './movers.ts'
import { proxyKeys } from './proxy-keys.ts'
import { slips } from './slips.ts'

// What people write who come from other proxies, and slips of the hand: one mistake, one place, one cure.

const head = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]\n'
const pools = 'pools:\n  web: { backends: ["10.0.0.1:80"] }\n'
const listener = (keys: string) => `listeners:\n  - { bind: ":8080", mode: l7, pool: web, ${keys} }\n${pools}`
const route = (keys: string) =>
  `listeners:\n  - bind: ":8080"\n    mode: l7\n    pool: web\n    routes:\n      - { ${keys} }\n${pools}`
const pool = (keys: string) => `${head}pools:\n  web: { backends: ["10.0.0.1:80"], ${keys} }\n`
const backend = (address: string) => `${head}pools:\n  web: { backends: [${address}] }\n`
const mode = (word: string) => `listeners: [{ bind: ":8080", mode: ${word}, pool: web }]\n${pools}`
const field = (value: string) => route(`pool: web, headers: { request: { set: { X-A: '${value}' } } }`)

/** Text, place, cure. */
const mistakes: readonly (readonly [text: string, at: string, cure: RegExp])[] = [
  [listener('keepalive_timeout: 75s'), '2:43', /`timeouts: \{ keepAlive: 75s \}`/],
  [listener('client_max_body_size: 10m'), '2:43', /`limits: \{ bodyBytes: 10mb \}`/],
  [listener('server_name: a.example'), '2:43', /match: \{ host: /],
  [listener('ssl_certificate: a.pem'), '2:43', /certificates: \{ cert: FILE, key: FILE \}/],
  [listener('proxy_set_header: a'), '2:43', /headers: \{ request: \{ set: /],
  [listener('timeouts: { client: 50s }'), '2:55', /here it is `idle: 60s`/],
  [listener('timeouts: { minRate: 1kb/s }'), '2:64', /\{ bytes: "1kb" \}/],
  [listener('buffer: 1mb'), '2:51', /\{ request: 1mb \}/],
  [listener('rateLimit: 100/s'), '2:54', /\{ requests: 100, per: 1s \}/],
  [listener('rateLimit: 10r/m'), '2:54', /\{ requests: 10, per: 1m \}/],
  [listener('rateLimit: 100'), '2:54', /\{ requests: 100, per: 1s \}/],
  [listener('concurrency: 50'), '2:56', /\{ max: 50 \}/],
  [listener('cors: "*"'), '2:49', /\{ origins: "\*" \}/],
  [listener('cors: ["https://a.example"]'), '2:49', /\{ origins: \[https:\/\/a\.example\] \}/],
  [listener('cors: true'), '2:49', /name the origins/],
  [listener('compress: gzip'), '2:53', /\{ algorithms: "gzip" \}/],
  [listener('compress: [gzip, br]'), '2:53', /\{ algorithms: \[gzip, br\] \}/],
  [listener('csrf: ["https://a.example"]'), '2:49', /\{ trustedOrigins: \[/],
  [listener('auth: basic'), '2:49', /\[\{ basic: \{ … \} \}\]/],
  [listener('decompress: gzip'), '2:55', /`true` takes all codings/],
  [listener('fault: 500'), '2:50', /\{ abort: \{ percent: 100, status: 500 \} \}/],
  [listener('securityHeaders: strict'), '2:60', /\{ preset: "strict" \}/],
  [
    listener('tls: /etc/ssl/a.pem'),
    '2:48',
    /\{ certificates: \{ cert: "\/etc\/ssl\/a\.pem", key: FILE \} \}/
  ],
  [listener('tls: letsencrypt'), '2:48', /\{ acme: \{ domains: /],
  [listener('tls: internal'), '2:48', /\{ selfSigned: true \}/],
  [listener('accessLog: combined'), '2:54', /\{ format: "combined" \}/],
  [listener('accessLog: { fields: [remote_addr] }'), '2:65', /here it is client$/m],
  [listener('accessLog: { format: common }'), '2:64', /here it is clf/],
  [pool('proxy_read_timeout: 60s'), '3:37', /`timeouts: \{ response: 60s \}`/],
  [pool('max_fails: 3'), '3:37', /`breaker: \{ failures: 3/],
  [pool('health: { type: http, path: /, inter: 2s }'), '3:68', /`interval: 5s`/],
  [pool('health: { type: http, path: /, status: 200 }'), '3:68', /`expect: \{ status: /],
  [backend('"10.0.0.1:80 weight=3"'), '3:21', /\{ address: "HOST:80", weight: 3 \}/],
  [backend('"10.0.0.1:80/app"'), '3:21', /addPrefix: "\/app"/],
  [backend('{ address: "10.0.0.1:80", weight: 0 }'), '3:55', /`lb drain`/],
  [route('rule: "Host(`a.example`)", pool: web'), '6:11', /`match: \{ host: /],
  [route('redirect: "301 https://a.example"'), '6:21', /\{ to: "https:\/\/a\.example", status: 301 \}/],
  ['log: { file: /var/log/lb.log }\n' + head + pools, '1:8', /standard output/],
  [route('match: { path: "/api/*" }, pool: web'), '6:26', /did you mean `pathPrefix: \/api`/],
  [route('match: { path: "^/api/.*$" }, pool: web'), '6:26', /did you mean `pathRegex: "\^\/api\/\.\*\$"`/],
  [route('match: { path: "/users/:id/x" }, pool: web'), '6:26', /`pathRegex: "\^\/users\/\[\^\/\]\+\/x\$"`/],
  [route('match: { path: "/users/{id}" }, pool: web'), '6:26', /`pathRegex: /],
  [route('match: { path: "/a?b=c" }, pool: web'), '6:26', /go to `query`/],
  [route('match: { host: "_" }, pool: web'), '6:26', /leave the key out/],
  [route('match: { host: "https://a.example/x" }, pool: web'), '6:26', /"a\.example"/],
  [route('match: { host: ".example.com" }, pool: web'), '6:26', /"\*\.example\.com"/],
  [route('match: { host: "~^www" }, pool: web'), '6:26', /no regular expressions/],
  [route('match: { pathRegex: "(?i)/a" }, pool: web'), '6:31', /write \[Aa\]/],
  [route('match: /api, pool: web'), '6:18', /\{ pathPrefix: "\/api" \}/],
  [route('path: /api, pool: web'), '6:11', /belongs under `match`/],
  [route('stripPrefix: /api, pool: web'), '6:11', /belongs under `rewrite`/],
  [field('$remote_addr'), '6:56', /itself sends the client's address in X-Forwarded-For/],
  [field('{remote_addr}'), '6:56', /X-Forwarded-For/],
  [field('%[src]'), '6:56', /X-Forwarded-For/],
  [field('$proxy_add_x_forwarded_for'), '6:56', /X-Forwarded-For/],
  [field('$scheme'), '6:56', /X-Forwarded-Proto/],
  [field('{{ .Host }}'), '6:56', /forwards Host/],
  [route('pool: web, headers: { set: { X-A: b } }'), '6:33', /\{ request: \{ set: /],
  [route('pool: web, headers: { request: { X-A: b } }'), '6:44', /\{ set: \{ X-A: /],
  [route('redirect: { to: "https://$host$request_uri" }'), '6:27', /"https:\/\/\{host\}\{path\}\{query\}"/],
  [route('redirect: { to: "https://{host}{uri}" }'), '6:27', /"https:\/\/\{host\}\{path\}\{query\}"/],
  [route('redirect: { to: "https://%[hdr(host)]%[path]" }'), '6:27', /"https:\/\/\{host\}\{path\}"/],
  [route('redirect: "https://a.example{path}"'), '6:21', /\{ to: "https:\/\/a\.example\{path\}" \}/],
  [route('respond: 404'), '6:20', /\{ status: 404 \}/],
  [route('pool: web, cache: true'), '6:29', /name one of `caches`/],
  [backend('"unix:/run/app.sock:/"'), '3:21', /"unix:\/run\/app\.sock"/],
  [backend('"http://unix:/run/app.sock"'), '3:21', /write "unix:\/run\/app\.sock"/],
  [backend('"/run/app.sock"'), '3:21', /write "unix:\/run\/app\.sock"/],
  [backend('"fe80::1:8080"'), '3:21', /"\[fe80::1\]:8080"/],
  [backend('"::1:8080"'), '3:21', /"\[::1\]:8080"/],
  [backend('"fe80::1%eth0:8080"'), '3:21', /"\[fe80::1%eth0\]:8080"/],
  [backend('{ host: "10.0.0.1:80" }'), '3:23', /did you mean "address"/],
  [backend('{ address: "10.0.0.1:80", port: 80 }'), '3:47', /part of `address`/],
  [pool('algorithm: leastconn'), '3:48', /here it is least-connections/],
  [pool('algorithm: least_conn'), '3:48', /here it is least-connections/],
  [pool('algorithm: source'), '3:48', /here it is hash/],
  [pool('algorithm: ip_hash'), '3:48', /here it is hash/],
  [pool('algorithm: uri'), '3:48', /hash: \{ key: path \}/],
  [pool('algorithm: p2c'), '3:48', /random-two/],
  [pool('lb_policy: round-robin'), '3:37', /did you mean "algorithm"/],
  [mode('http'), '1:36', /for HTTP write l7/],
  [mode('tcp'), '1:36', /for TCP write l4/],
  [mode('7'), '1:36', /for HTTP write l7/],
  [`listeners: [{ bind: ":80", pool: web }]\n${pools}`, '1:13', /missing key "mode".*l7 is HTTP, l4 is TCP/],
  [pool('timeouts: { connect: 5000 }'), '3:58', /did you mean "5s"/],
  [pool('timeouts: { connect: 300 }'), '3:58', /"300ms" or "300s"/],
  [pool('timeouts: { connect: off }'), '3:58', /leave the key out/],
  [pool('timeouts: { connect: 0 }'), '3:58', /leave the key out/],
  [pool('timeouts: { connect: PT1M30S }'), '3:58', /"1m30s"/],
  [listener('limits: { bodyBytes: 0 }'), '2:64', /for no limit leave the key out/],
  [listener('limits: { bodyBytes: unlimited }'), '2:64', /for no limit leave the key out/],
  [listener('limits: { bodyBytes: 1048576 }'), '2:64', /"1mb"/],
  [listener('allow: [10.0.0.0/255.0.0.0]'), '2:51', /"10\.0\.0\.0\/8"/],
  [listener('allow: [10.*]'), '2:51', /"10\.0\.0\.0\/8"/],
  [listener('allow: all'), '2:50', /leave `allow` out/],
  ['workers: "2"\n' + head + pools, '1:10', /without quotes/],
  ['workers: cores\n' + head + pools, '1:10', /is auto/],
  [
    backend('{ address: { socket_address: { address: 10.0.0.1, port_value: 80 } } }'),
    '3:32',
    /write "10\.0\.0\.1:80" behind the colon/
  ],
  [backend('{ socket_address: { address: 10.0.0.1, port_value: 80 } }'), '3:23', /here it is `address: 10/],
  ['log: { level: warning }\n' + head + pools, '1:15', /write warn/],
  ['log: debug\n' + head + pools, '1:6', /\{ level: "debug" \}/],
  ['admin: 127.0.0.1:9900\n' + head + pools, '1:8', /\{ bind: "127\.0\.0\.1:9900" \}/],
  [`Listeners: [{ bind: ":80", mode: l7, pool: web }]\n${pools}`, '1:1', /did you mean "listeners"/],
  [`listeners: [{ Bind: ":80", mode: l7, pool: web }]\n${pools}`, '1:15', /did you mean "bind"/],
  [`listeners: [{ bind: “:80”, mode: l7, pool: web }]\n${pools}`, '1:21', /curly quotes/],
  [backend('‘10.0.0.1:80’'), '3:21', /curly quotes/],
  [`listeners: [{ bind: \${X}, mode: l7, pool: web }]\n${pools}`, '1:21', /write "\$\{X\}"/],
  [backend('${X}:80'), '3:21', /write "\$\{X\}"/],
  [
    'listeners:\n  - bind: ":80"\n    mode: l7\n   pool: web\n' + pools,
    '4:4',
    /column 3 or 5|column 1 or 3 or 5/
  ],
  ['listeners:\n  - bind: ":80"\n     mode: l7\n    pool: web\n' + pools, '3:6', /column 5/],
  ['listeners:\n  - bind: ":80"\n  mode: l7\n' + pools, '3:3', /to column 5/],
  [head + 'pools:\n  web:\n  backends: ["10.0.0.1:80"]\n', '4:3', /is beside "web".*indent it further/],
  ['listeners:\n  -bind: ":80"\n   mode: l7\n', '2:3', /a dash needs a space/],
  ['listeners:\n  - bind:":80"\n    mode: l7\n', '2:9', /a colon needs a space/],
  ['listeners:\n  - bind: ":80";\n    mode: l7\n', '2:16', /take it out/],
  ['server {\n  listen 80;\n}\n', '1:1', /looks like a file of nginx's/],
  ['frontend web\n  bind :80\n  default_backend b\n', '1:1', /looks like a file of HAProxy's/],
  ['example.com {\n  reverse_proxy localhost:80\n}\n', '1:1', /looks like a file of Caddy's/],
  [pool('health: /healthz'), '3:45', /\{ type: http, path: "\/healthz" \}/],
  [pool('health: { path: /x }'), '3:37', /with a path it is http/],
  [pool('retry: 3'), '3:44', /\{ attempts: 3 \}/],
  [pool('tls: true'), '3:42', /did you mean \{\}/],
  [pool('tls: { insecure: true }'), '3:44', /`verify: false`/],
  [head + 'pools:\n  web: ["10.0.0.1:80"]\n', '3:8', /under "backends:"/]
]

for (const [text, at, cure] of mistakes) {
  t.test(`${at} of ${JSON.stringify(text.replace(head, '').replace(pools, ''))} gets its cure`, async (t) => {
    const result = parseConfig(text, { file: 'lb.yaml', env: { X: '1' } })
    const problems = result.ok ? [] : result.problems
    const output = formatProblems(problems)
    t.equal(problems.length, 1, output || 'it is accepted')
    t.equal(`${problems[0]?.line}:${problems[0]?.column}`, at, output)
    t.match(problems[0]?.message ?? '', cure)
  })
}

/** `acme` at the top, and of the listener on `port`. */
const acme = (top: string, domains: string, port = 443): string =>
  `acme: { ${top} }\nlisteners:\n  - { bind: ":${port}", mode: l7, pool: web, tls: { acme: { domains: ${domains} } } }\n${pools}`
const doubtful: readonly (readonly [text: string, at: string, says: RegExp])[] = [
  [pool('health: { type: http, interval: 1s, timeout: 5s }'), '3:82', /longer than the interval/],
  [acme('email: a@b.c', 'example.com', 8443), '3:13', /connects to port 443 .*forward it to port 8443/],
  [acme('email: a@b.c', 'localhost'), '3:66', /signs for "localhost", which has no domain/],
  [acme('email: a@b.c', 'db.internal'), '3:66', /which nobody outside can own/],
  [acme('email: a@b.c', '10.0.0.1'), '3:66', /a private address/],
  [acme('email: a@b.c', 'a_b.example.com'), '3:66', /an underscore/],
  [acme('directory: zerossl', 'example.com'), '1:20', /eab: \{ kid: …, key: … \}/],
  [acme('storage: /data/acme.json', 'example.com'), '1:18', /name of a folder/],
  [
    acme('challenge: http-01', 'example.com').replace(
      '- {',
      '- { bind: ":8080", mode: l7, pool: web }\n  - {'
    ),
    '3:13',
    /connects to port 80 .*forward it to port 8080/
  ],
  [listener('trustedProxies: 0.0.0.0/0'), '2:59', /every network/],
  [listener('trustedProxies: ["::/0"]'), '2:60', /every network/],
  [route('respond: { status: 204, body: hi }'), '6:35', /has no body/],
  [
    `${listener('cache: { store: main }')}caches: { main: { maxBytes: 256mb, maxObjectBytes: 200mb } }`,
    '5:52',
    /longer than about 51mb are not/
  ],
  [route('match: { pathRegex: "^/((a)|(a))+$" }, pool: web'), '6:31', /exponential time/],
  [route('match: { pathRegex: "^/\\\\w*\\\\w*\\\\w*x$" }, pool: web'), '6:31', /to the power of 3/]
]

for (const [text, at, says] of doubtful) {
  t.test(`${JSON.stringify(text.replace(head, '').replace(pools, ''))} is warned of`, async (t) => {
    const result = parseConfig(text, { file: 'lb.yaml' })
    const warnings = result.ok ? result.warnings : []
    t.equal(warnings.length, 1, formatProblems(warnings))
    t.equal(`${warnings[0]?.line}:${warnings[0]?.column}`, at)
    t.match(warnings[0]?.message ?? '', says)
  })
}

t.test("an authority of one's own signs what it likes, and listens where it likes", async (t) => {
  for (const domains of ['localhost', '10.0.0.1', '[db.internal, a_b.example]']) {
    const result = parseConfig(acme('directory: "https://ca.internal/dir"', domains, 8443), {
      file: 'lb.yaml'
    })
    t.same(result.ok && result.warnings, [], domains)
  }
})

t.test('what only looks foreign is taken as it is', async (t) => {
  for (const text of [
    route('match: { path: "/v1/shop:buy" }, pool: web'),
    route('match: { path: "/a.b/c~d/e$f=1;g" }, pool: web'),
    field('$5.00'),
    field('{"a":1}'),
    field('100%'),
    backend('"[fe80::1%eth0]:80"'),
    backend('"unix:///run/app.sock"'),
    listener('cors: { origins: "https://a.example", methods: ["*"], headers: ["*"] }')
  ]) {
    const result = parseConfig(text, { file: 'lb.yaml' })
    t.ok(result.ok, result.ok ? '' : formatProblems(result.problems))
  }
})

t.test('one mistake is one message, and what follows from it is none', async (t) => {
  const one = (text: string): number => {
    const result = parseConfig(text, { env: {} })
    return result.ok ? 0 : result.problems.length
  }
  t.equal(one(route('match: {}, pool: web, auth: [{ basicAuth: { usersFile: /a } }]')), 1)
  t.equal(one(route('match: {}, pool: web, auth: { forwardAuth: { address: a } }')), 1)
  t.equal(one(route('match: {}, split: { web: 100 }')), 1)
  t.equal(one(`listeners: [{ bind: ":80", mode: l4, sni: { a.example: web } }]\n${pools}`), 1)
  t.equal(one(route('match: { pool: web }')), 1, 'the pool of a route, one level too deep')
  t.equal(one(`${head}${pools}admin: { bind: "\${ADMIN_BIND}" }\n`), 1, 'a variable that is not set')
  t.equal(one(`${head}pools:\n  web: { backends: ["10.0.0.1:80"] }\n  admin:\n    bind: 127.0.0.1:9900\n`), 1)
  t.equal(one(`${head}targetGroups:\n  web: { backends: ["10.0.0.1:80"] }\n`), 1)
})

t.test(
  'habits of other load balancers, and slips of types and of indentation, are told where they stand and what to write',
  async (t) => {
    for (const [text, at, cure] of [
      ...foreignHabits,
      ...directives,
      ...more,
      ...movers,
      ...proxyKeys,
      ...slips
    ]) {
      const result = parseConfig(text, { file: 'lb.yaml', env: {} })
      const problems = result.ok ? result.warnings : result.problems
      const found = problems.find(
        ({ message, line, column }) => message.includes(cure) && `${line}:${column}` === at
      )
      t.ok(found, `${text}\n${formatProblems(problems)}`)
    }
  }
)
