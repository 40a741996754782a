import { B, head, L, L4, P, pools, R } from './small-files.ts'

const file = (rest: string) => `${head}${rest}`
const cached = (keys: string) => R(`match: {}, pool: web, cache: { store: main, ${keys} }`)

/** Whole lines of other programs as one value, sections that are indented too far, and keys one level too deep. Text, place, cure. */
// prettier-ignore
export const directives: readonly (readonly [text: string, at: string, cure: string])[] = [
  [R('match: { location: "~ ^/api" }, pool: web'), '6:20', 'here it is `pathPrefix: /api/`, `path: /api` for this path alone, or `pathRegex: "^/api/[0-9]+$"`'],
  [cached('proxy_cache_valid: 200 302 10m'), '6:55', 'here it is `defaultTtl: 60s`, and for errors `negativeTtl: { 404: 10s }`'],
  [cached('proxy_cache_use_stale: error'), '6:55', 'here it is `staleIfError: 1h`'],
  [cached('proxy_cache_lock: on'), '6:55', 'here it is `coalesce: true`, which is the default'],
  [cached('proxy_no_cache: $http_pragma'), '6:55', 'answers to Authorization are kept only where they allow it; take it out'],
  [cached('maxSize: 10mb'), '6:55', 'here it is a key of the cache: `caches: { NAME: { maxBytes: 256mb } }`'],
  [L('accessLog: /var/log/lb/access.log combined buffer=32k'), '2:54', 'did you mean { file: "/var/log/lb/access.log", format: combined }?'],
  [L('accessLog: logs/access_log common'), '2:54', 'did you mean { file: "logs/access_log", format: clf }?'],
  [L('accessLog: /var/log/a.log main'), '2:54', 'did you mean { file: "/var/log/a.log", format: combined }?'],
  [L('tls: /etc/ssl/a.crt /etc/ssl/a.key'), '2:48', 'did you mean { certificates: { cert: "/etc/ssl/a.crt", key: "/etc/ssl/a.key" } }?'],
  [L('tls: { certificates: a.pem:a.key }'), '2:64', 'did you mean { cert: "a.pem", key: "a.key" }?'],
  [P('sticky: { cookie: SRV insert indirect nocache }'), '3:55', 'is not a cookie name; write the name alone: "SRV"'],
  [P('sticky: { cookie: "srv;path=/" }'), '3:55', 'is not a cookie name; write the name alone: "srv"'],
  [P('algorithm: byrequests'), '3:48', 'here it is weighted-round-robin'],
  [P('algorithm: bybusyness'), '3:48', 'here it is least-connections'],
  [P('algorithm: LEAST_OUTSTANDING_REQUESTS'), '3:48', 'here it is least-connections'],
  [P('algorithm: weighted_random'), '3:48', 'here it is weighted-round-robin'],
  [P('algorithm: rendezvous_hash'), '3:48', 'here it is hash'],
  [B('"9101:9101"'), '3:21', 'write the host of the server and its port: "127.0.0.1:9101" on this machine'],
  [B('"10.0.0.1:$PORT"'), '3:21', 'from the environment it is "${PORT}"'],
  [B('"10.0.0.1:$(PORT)"'), '3:21', 'from the environment it is "${PORT}"'],
  ['listeners: [{ bind: "127.0.0.1:$PORT", mode: l7, pool: web }]\n' + pools, '1:21', 'from the environment it is "${PORT}"'],
  [`${head}targetGroups:\n  web: { backends: ["10.0.0.1:80"] }\n`, '2:1', 'did you mean "pools"?'],
  [file('pools:\n  web:\n    service: { name: api, port: { number: 80 } }\n'), '4:5', 'here it is `backends: ["api:80"]`, or `discover: { kubernetes: { service: api, namespace: default } }`'],
  [P('health: { type: tcp, retry: { attempts: 2 } }'), '3:58', 'it is a key of a pool, beside `health`'],
  [P('tls: { health: { type: tcp } }'), '3:44', 'it is a key of a pool, beside `tls`'],
  [R('match: { pool: web }'), '6:20', 'unknown key "pool"; it is a key of a route, beside `match`'],
  [`timeouts: { connect: 3s }\n${head}${pools}`, '1:1', 'it is a key of a listener, a pool or a route'],
  [`${head}pools:\n  web: { backends: ["10.0.0.1:80"] }\n  caches:\n    main: { maxBytes: 64mb }\n`, '4:3', '"caches" stands at the top of the file; here it is a part of `pools`: indent it less'],
  [`${head}pools:\n  web: { backends: ["10.0.0.1:80"] }\n  admin:\n    bind: 127.0.0.1:9900\n`, '4:3', '"admin" stands at the top of the file; here it is a part of `pools`: indent it less'],
  ['listeners:\n  - bind: ":8080"\n    mode: l7\n    pool: web\n    pools:\n      web: { backends: ["10.0.0.1:80"] }\n', '5:5', '"pools" stands at the top of the file; here it is a part of `listeners`: indent it less'],
  ['admin:\n  bind: 127.0.0.1:9900\n  log: { level: debug }\n' + head + pools, '3:3', '"log" stands at the top of the file; here it is a part of `admin`: indent it less'],
  ['listeners:\n    - bind: ":80"\n      mode: l7\n      pool: web\n  - name: a\n      bind: ":81"\n      mode: l7\n      pool: web\n' + pools, '5:5', 'this key begins further left than the 3 below it in the same mapping; it should begin in column 7'],
  [`${head}pools:\n  web:\n   backends: ["10.0.0.1:80"]\n    algorithm: random\n    slowStart: 30s\n`, '4:4', 'this key begins further left than the 2 below it in the same mapping; it should begin in column 5'],
  [P('hash: { key: "hdr(X-User)" }, algorithm: hash'), '3:50', 'here it is header:X-User'],
  [P('hash: { key: "req.cook(sid)" }, algorithm: hash'), '3:50', 'here it is cookie:sid'],
  [P('hash: { key: "url_param(id)" }, algorithm: hash'), '3:50', 'here it is query:id'],
  [P('hash: { key: "%{X-User}i" }, algorithm: hash'), '3:50', 'here it is header:X-User'],
  [L('securityHeaders: { hsts: "max-age=31536000; includeSubDomains" }'), '2:68', 'did you mean "365d"? Each other part has a key of its own'],
  [L4('timeouts: { proxy_timeout: 10m }'), '2:55', 'here it is `idle: 10m`, the longest time without bytes of either side'],
  [B('"[::1]8011"'), '3:21', 'a colon is missing before the port: "[::1]:8011"'],
  ['listeners:\n  name: web\n    bind: ":8080"\n    mode: l7\n    pool: web\n' + pools, '2:3', 'an item of a list begins with "- "'],
  [`${head}pools:\n  web:\n    backends:\n      address: 10.0.0.1:80\n        weight: 3\n`, '5:7', 'an item of a list begins with "- "']
]
