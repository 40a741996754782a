/** A broken file: what is wrong, the text, where that is said (line:column), and how. */
export interface Broken {
  readonly name: string
  readonly text: string
  readonly at: string
  /** What is said; a cure is part of it. */
  readonly says: RegExp
}

const head = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]\n'
const pools = 'pools:\n  web: { backends: ["10.0.0.1:80"] }\n'
const valid = head + pools

/** One line per kind of mistake; the position is that of the word to change. */
export const broken: readonly Broken[] = [
  { name: 'an empty file', text: '', at: '1:1', says: /the configuration is empty; begin with "listeners:/ },
  { name: 'only comments', text: '# nothing\n\n', at: '1:1', says: /empty; begin with/ },
  { name: 'a list at the top', text: '- a\n- b\n', at: '1:1', says: /is a mapping of keys.*begin with/ },
  { name: 'a word at the top', text: 'hello\n', at: '1:1', says: /is a mapping of keys.*begin with/ },
  { name: 'a tab as indentation', text: 'pools:\n\tweb: {}\n', at: '2:1', says: /YAML indents with spaces/ },
  { name: 'an open bracket', text: 'listeners: [\n', at: '1:12', says: /this "\[" is not closed/ },
  { name: 'an open quote', text: 'user: "nobody\n', at: '1:7', says: /this " is not closed/ },
  {
    name: 'two documents',
    text: valid + '---\nb: 2\n',
    at: '4:1',
    says: /second YAML document.*remove the "---"/
  },
  { name: 'bad indentation', text: 'a:\n  b: 1\n c: 2\n', at: '3:2', says: /begin in column 1 or 3/ },
  {
    name: 'a duplicate key',
    text: valid + 'pools: {}\n',
    at: '4:1',
    says: /duplicate key "pools"; keep one of them/
  },
  { name: '__proto__', text: '__proto__: {}\n' + valid, at: '1:1', says: /"__proto__" is not allowed/ },
  {
    name: 'an unknown tag',
    text: 'user: !secret x\n' + valid,
    at: '1:7',
    says: /tags.*are not used here; remove it/
  },
  { name: 'an unknown alias', text: 'user: *who\n' + valid, at: '1:7', says: /anchor/ },
  {
    name: 'an unknown key',
    text: 'listeners: [{ bind: ":8080", mode: l7, pol: web, pool: web }]\n' + pools,
    at: '1:40',
    says: /unknown key "pol"; did you mean "pool"\?/
  },
  {
    name: 'an unknown key at the top',
    text: valid + 'listners: []\n',
    at: '4:1',
    says: /did you mean "listeners"\?/
  },
  {
    name: 'a word of another load balancer',
    text: valid + 'upstreams: {}\n',
    at: '4:1',
    says: /did you mean "pools"\?/
  },
  { name: 'no listeners', text: pools, at: '1:1', says: /missing key "listeners": expected/ },
  {
    name: 'an empty list of listeners',
    text: 'listeners: []\n' + pools,
    at: '1:12',
    says: /needs at least one item/
  },
  {
    name: 'nothing behind a key',
    text: 'listeners:\n' + pools,
    at: '1:1',
    says: /expected a mapping such as \{ bind: .*, or a list, got nothing/
  },
  {
    name: 'a missing bind',
    text: 'listeners: [{ mode: l7, pool: web }]\n' + pools,
    at: '1:13',
    says: /missing key "bind": expected an address such as/
  },
  {
    name: 'a missing mode',
    text: 'listeners: [{ bind: ":80", pool: web }]\n' + pools,
    at: '1:13',
    says: /missing key "mode": expected one of l4, l7/
  },
  {
    name: 'another mode',
    text: head.replace('l7', 'http') + pools,
    at: '1:36',
    says: /expected one of l4, l7, got "http"/
  },
  {
    name: 'udp',
    text: head.replace('l7', 'udp') + pools,
    at: '1:36',
    says: /write `mode: l4, protocol: udp`/
  },
  {
    name: 'port 99999',
    text: head.replace('8080', '99999') + pools,
    at: '1:21',
    says: /port 99999 is out of range; ports go from 0 to 65535/
  },
  {
    name: 'a bind without a port',
    text: head.replace(':8080', '127.0.0.1') + pools,
    at: '1:21',
    says: /has no port; write "127.0.0.1:8080"/
  },
  {
    name: 'a bare port',
    text: head.replace('":8080"', '8080') + pools,
    at: '1:21',
    says: /got the number 8080; did you mean ":8080"\?/
  },
  {
    name: 'a bind to a name',
    text: head.replace(':8080', 'lb.example:80') + pools,
    at: '1:21',
    says: /not an IP address/
  },
  {
    name: 'IPv6 without brackets',
    text: head.replace(':8080', '::1') + pools,
    at: '1:21',
    says: /needs brackets/
  },
  {
    name: 'a missing pool',
    text: head.replace('pool: web', 'pool: wbe') + pools,
    at: '1:46',
    says: /there is no pool "wbe"; did you mean "web"\?/
  },
  {
    name: 'no pools at all',
    text: head,
    at: '1:46',
    says: /there is no pool "web"; define it under "pools:"/
  },
  {
    name: 'one address twice',
    text:
      'listeners:\n  - { bind: "0.0.0.0:80", mode: l7, pool: web }\n  - { bind: "127.0.0.1:80", mode: l7, pool: web }\n' +
      pools,
    at: '3:13',
    says: /127\.0\.0\.1:80 is already taken by listeners\[0\]\.bind; give one of them another port/
  },
  {
    name: 'one name twice',
    text:
      'listeners:\n  - { name: a, bind: ":80", mode: l7, pool: web }\n  - { name: a, bind: ":81", mode: l7, pool: web }\n' +
      pools,
    at: '3:13',
    says: /listener "a" is already at listeners\[0\]\.name/
  },
  {
    name: 'a URL as a backend',
    text: head + pools.replace('10.0.0.1:80', 'http://10.0.0.1:80/x'),
    at: '3:21',
    says: /is a URL; write "10.0.0.1:80"/
  },
  {
    name: 'a backend without a port',
    text: head + pools.replace('10.0.0.1:80', '10.0.0.1'),
    at: '3:21',
    says: /has no port/
  },
  {
    name: 'no backends',
    text: head + 'pools: { web: { backends: [] } }\n',
    at: '2:27',
    says: /needs at least one item/
  },
  {
    name: 'a pool without backends',
    text: head + 'pools: { web: {} }\n',
    at: '2:10',
    says: /a pool needs `backends: \[/
  },
  {
    name: 'a duration without a unit',
    text: valid + 'shutdown: { grace: 30 }\n',
    at: '4:20',
    says: /expected a duration such as "30s", got the number 30; did you mean "30s"\?/
  },
  {
    name: 'a wrong unit',
    text: valid + 'shutdown: { grace: 30sec }\n',
    at: '4:20',
    says: /did you mean "30s"\?/
  },
  {
    name: 'a duration beyond timers',
    text: valid + 'shutdown: { grace: 1y }\n',
    at: '4:20',
    says: /too long; durations here go from 0ms to 24d/
  },
  {
    name: 'a size without a unit',
    text: valid + 'caches: { c: { maxBytes: 1000000 } }\n',
    at: '4:26',
    says: /expected a size such as "256mb", got the number 1000000; did you mean "1000000b"\?/
  },
  {
    name: 'a percentage without its sign',
    text: head + 'pools: { web: { backends: ["10.0.0.1:80"], retry: { budget: 0.2 } } }\n',
    at: '2:61',
    says: /did you mean "20%"\?/
  },
  {
    name: 'a bad rate',
    text: head.replace('pool: web', 'pool: web, connectionLimit: { rate: 20 }') + pools,
    at: '1:76',
    says: /did you mean "20\/s"\?/
  },
  {
    name: 'a number where text is wanted',
    text: head.replace('pool: web', 'pool: 1.0') + 'pools: { "1.0": { backends: ["10.0.0.1:80"] } }\n',
    at: '1:46',
    says: /got the number 1\.0; write it in quotes: "1\.0"/
  },
  {
    name: 'text where a number is wanted',
    text: head + 'pools: { web: { backends: [{ address: "10.0.0.1:80", weight: heavy }] } }\n',
    at: '2:62',
    says: /expected a whole number from 1 to 1000, got "heavy"/
  },
  {
    name: 'weight 0',
    text: head + 'pools: { web: { backends: [{ address: "10.0.0.1:80", weight: 0 }] } }\n',
    at: '2:62',
    says: /a whole number from 1 to 1000, got the number 0/
  },
  {
    name: 'yes for true',
    text: head.replace('pool: web', 'pool: web, trace: yes') + pools,
    at: '1:58',
    says: /expected true or false, got "yes"; write true/
  },
  {
    name: 'a weight that the algorithm ignores',
    text:
      head +
      'pools: { web: { algorithm: round-robin, backends: [{ address: "10.0.0.1:80", weight: 2 }] } }\n',
    at: '2:86',
    says: /the weight is ignored by `algorithm: round-robin`; use weighted-round-robin/
  },
  {
    name: 'an unknown algorithm',
    text: head + 'pools: { web: { algorithm: leastconn, backends: ["10.0.0.1:80"] } }\n',
    at: '2:28',
    says: /expected one of round-robin, .*, got "leastconn"/
  },
  {
    name: 'a hash that is not used',
    text: head + 'pools: { web: { algorithm: first, hash: { key: path }, backends: ["10.0.0.1:80"] } }\n',
    at: '2:35',
    says: /"hash" is ignored by `algorithm: first`/
  },
  {
    name: 'a bad CIDR',
    text: head.replace('pool: web', 'pool: web, allow: [10.0.0.0/33]') + pools,
    at: '1:59',
    says: /expected a network such as "10.0.0.0\/8".*from 0 to 32/
  },
  {
    name: 'a bad regular expression',
    text:
      'listeners: [{ bind: ":80", mode: l7, routes: [{ match: { pathRegex: "(" }, pool: web }] }]\n' + pools,
    at: '1:69',
    says: /not a regular expression: .*Unterminated group/
  },
  {
    name: 'a route without an action',
    text: 'listeners: [{ bind: ":80", mode: l7, routes: [{ match: { path: /x } }] }]\n',
    at: '1:47',
    says: /give it "pool", "split", "redirect" or "respond"/
  },
  {
    name: 'two actions',
    text: 'listeners: [{ bind: ":80", mode: l7, routes: [{ pool: web, respond: {} }] }]\n' + pools,
    at: '1:60',
    says: /"respond" cannot go with "pool"; keep one of them/
  },
  {
    name: 'a path without its slash',
    text: 'listeners: [{ bind: ":80", mode: l7, routes: [{ match: { path: x }, pool: web }] }]\n' + pools,
    at: '1:64',
    says: /did you mean "\/x"\?/
  },
  {
    name: 'routes on L4',
    text: 'listeners: [{ bind: ":80", mode: l4, pool: web, routes: [] }]\n' + pools,
    at: '1:49',
    says: /"routes" is a key of `mode: l7` only/
  },
  {
    name: 'L4 without a pool',
    text: 'listeners: [{ bind: ":80", mode: l4 }]\n',
    at: '1:13',
    says: /missing key "pool"/
  },
  {
    name: 'L7 without a pool',
    text: 'listeners: [{ bind: ":80", mode: l7 }]\n',
    at: '1:13',
    says: /missing key "pool".*or "routes"/
  },
  {
    name: 'an open admin listener',
    text: valid + 'admin: { bind: "0.0.0.0:9900" }\n',
    at: '4:16',
    says: /reached from other machines; set "token", or bind to 127\.0\.0\.1/
  },
  {
    name: 'a variable that is not set',
    text: valid + 'user: ${NOBODY_SET_THIS}\n',
    at: '4:7',
    says: /environment variable NOBODY_SET_THIS is not set.*\$\{NOBODY_SET_THIS:-default\}/
  },
  {
    name: 'a variable that is not closed',
    text: valid + 'user: "${HOME"\n',
    at: '4:7',
    says: /is not closed; write "\$\{NAME\}"/
  },
  {
    name: 'a missing secret',
    text: valid + 'admin: { bind: "127.0.0.1:0", token: "file:/nowhere/token" }\n',
    at: '4:38',
    says: /cannot read the secret in \/nowhere\/token: no such file/
  },
  {
    name: 'a cache in a Redis that is not named',
    text: valid + 'caches: { main: { store: redis } }\n',
    at: '4:26',
    says: /needs a Redis/
  },
  {
    name: 'an unknown probe',
    text: head + 'pools: { web: { backends: ["10.0.0.1:80"], health: { type: ping } } }\n',
    at: '2:60',
    says: /expected one of tcp, tls, http, https, grpc, mysql, postgres, redis, smtp, udp, got "ping"/
  },
  {
    name: 'a probe without a type',
    text: head + 'pools: { web: { backends: ["10.0.0.1:80"], health: { path: /x } } }\n',
    at: '2:44',
    says: /missing key "type": expected one of tcp/
  },
  {
    name: 'a path for a tcp probe',
    text: head + 'pools: { web: { backends: ["10.0.0.1:80"], health: { type: tcp, path: /x } } }\n',
    at: '2:65',
    says: /unknown key "path"/
  },
  {
    name: 'a control character in a field',
    text: 'listeners: [{ bind: ":80", mode: l7, routes: [{ respond: { headers: { X: "a\\r\\nb" } } }] }]\n',
    at: '1:74',
    says: /control characters and line breaks are not allowed/
  },
  {
    name: 'an edit of framing',
    text:
      'listeners: [{ bind: ":80", mode: l7, pool: web, headers: { request: { remove: [Content-Length] } } }]\n' +
      pools,
    at: '1:80',
    says: /frames the message and is written by lb itself/
  },
  {
    name: 'a second Host',
    text:
      'listeners: [{ bind: ":80", mode: l7, pool: web, headers: { request: { add: { Host: b } } } }]\n' +
      pools,
    at: '1:78',
    says: /exactly one Host/
  },
  {
    name: 'no Host',
    text:
      'listeners: [{ bind: ":80", mode: l7, pool: web, headers: { request: { remove: [host] } } }]\n' + pools,
    at: '1:80',
    says: /exactly one Host/
  },
  { name: 'a NUL', text: 'user: a\0b\n', at: '1:8', says: /control character/ },
  {
    name: 'a lone listener with an unknown pool',
    text: 'listeners: { bind: ":80", mode: l7, pool: nope }\n' + pools,
    at: '1:43',
    says: /no pool "nope"/
  },
  {
    name: 'a lone route with an unknown pool',
    text: 'listeners:\n  bind: ":80"\n  mode: l7\n  routes: { pool: nope }\n' + pools,
    at: '4:19',
    says: /no pool "nope"/
  },
  {
    name: 'a lone route without an action',
    text: 'listeners: { bind: ":80", mode: l7, routes: { match: {} }, pool: web }\n' + pools,
    at: '1:45',
    says: /does nothing/
  },
  {
    name: 'a lone backend without a port',
    text: head + 'pools:\n  web:\n    backends: { address: "10.0.0.1" }\n',
    at: '4:26',
    says: /has no port/
  },
  {
    name: 'listeners as a mapping by name',
    text:
      'listeners:\n  a: { bind: ":80", mode: l7, pool: web }\n  b: { bind: ":81", mode: l7, pool: nope }\n' +
      pools,
    at: '1:1',
    says: /is a list, not a mapping by name; write "- name: a"/
  },
  {
    name: 'a mistake in listeners as a mapping by name',
    text:
      'listeners:\n  a: { bind: ":80", mode: l7, pool: web }\n  b: { bind: ":81", mode: l7, pool: nope }\n' +
      pools,
    at: '3:37',
    says: /no pool "nope"/
  },
  {
    name: 'pools as a list',
    text: head + 'pools:\n  - name: web\n    backends: ["10.0.0.1:80"]\n',
    at: '2:1',
    says: /is a mapping by name, not a list; write "web:"/
  }
]
