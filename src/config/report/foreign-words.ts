/** Words of other load balancers, without case, dashes and underscores, and the word to write here. */
export type ForeignWords = ReadonlyMap<string, string>

function table(rows: Readonly<Record<string, readonly string[]>>): ForeignWords {
  return new Map(Object.entries(rows).flatMap(([cure, words]) => words.map((word) => [word, cure])))
}

/** The cure by a part of an algorithm's name, which says most: `LEAST_OUTSTANDING_REQUESTS`, `weighted_random`. */
export function algorithmByPart(word: string): string | undefined {
  const bare = word.toLowerCase().replaceAll(/[-_\s]/g, '')
  const part = PARTS.find(([pattern]) => pattern.test(bare))
  return part?.[1]
}

const PARTS: readonly (readonly [pattern: RegExp, cure: string])[] = [
  [/maglev/, 'write maglev'],
  [/(?:time|latency|fast|ewma)/, 'here it is least-time'],
  [/(?:least|fewest|lowest|busy|load|conn|pending|traffic|bandwidth)/, 'here it is least-connections'],
  [/(?:weight|byrequest)/, 'here it is weighted-round-robin'],
  [
    /(?:hash|ring|affinity|persist|sticky)/,
    'here it is hash, which goes by the client address unless `hash.key` says otherwise'
  ],
  [/(?:robin|rotat|balanced)/, 'here it is round-robin'],
  [/random/, 'write random']
]

/** The cure for a word of another load balancer, or undefined. */
export function foreignCure(word: string, words: ForeignWords): string | undefined {
  return words.get(word.toLowerCase().replaceAll(/[-_\s]/g, ''))
}

export const foreignAlgorithms = table({
  'here it is least-connections': ['leastconn', 'lc', 'wlc', 'leastrequest', 'leastrequests', 'leastactive'],
  'here it is round-robin': ['rr', 'roundrobin', 'roundrobing'],
  'here it is weighted-round-robin': ['wrr', 'staticrr', 'weighted', 'weightedrr', 'swrr'],
  'here it is hash, which goes by the client address unless `hash.key` says otherwise': [
    'source',
    'iphash',
    'sourceip',
    'srcip',
    'clientip',
    'clientiphash',
    'sourcehash',
    'sh',
    'wrrip'
  ],
  'here it is hash, with `hash: { key: path }`': ['uri', 'url', 'urihash', 'urlhash', 'path', 'requesturi'],
  'here it is hash, with `hash: { key: "header:NAME" }`': ['header', 'hdr', 'headerhash'],
  'here it is hash, with `hash: { key: "query:NAME" }`': ['query', 'urlparam', 'queryhash'],
  'here it is hash': ['ringhash', 'consistent', 'consistenthash', 'consistenthashing', 'ketama', 'chash'],
  'here it is random-two': [
    'p2c',
    'randomtwo',
    'randomchoose',
    'powerof2choices',
    'poweroftwochoices',
    'twochoices',
    'powerof2'
  ],
  'here it is least-time': [
    'leasttime',
    'ewma',
    'peakewma',
    'fastest',
    'fastestresponse',
    'responsetime',
    'leastlatency'
  ],
  'here it is `sticky: { cookie: NAME }` beside any algorithm': [
    'sticky',
    'cookie',
    'cookiehash',
    'persistence',
    'session'
  ],
  'here it is first, or `backup: true` on the backends that wait': [
    'failover',
    'backup',
    'activepassive',
    'priority'
  ]
})

export const foreignModes = table({
  'for HTTP write l7': [
    'http',
    'https',
    'http1',
    'http2',
    'h2',
    'h2c',
    'grpc',
    'web',
    'layer7',
    '7',
    'application',
    'ws',
    'websocket'
  ],
  'for TCP write l4': [
    'tcp',
    'stream',
    'ssl',
    'tls',
    'layer4',
    '4',
    'transport',
    'passthrough',
    'sni',
    'raw',
    'tcpssl'
  ]
})

export const foreignLevels = table({
  'write warn': ['warning', 'warnings', 'notice'],
  'write error': ['err', 'errors', 'crit', 'critical'],
  'write fatal': ['alert', 'emerg', 'emergency', 'panic'],
  'write info': ['information', 'informational', 'normal'],
  'write debug': ['verbose', 'fine'],
  'write trace': ['all', 'finest', 'silly'],
  'write silent': ['off', 'none', 'quiet', 'false']
})

/** What nginx, HAProxy and Envoy call the conditions for a retry. */
export const foreignConditions = table({
  'write 502, 503 and 504, each as an item': [
    '5xx',
    'gatewayerror',
    'server',
    'allretryableerrors',
    'retriablestatuscodes',
    'http5xx'
  ],
  'here it is connect-failure and reset': [
    'error',
    'connfailure',
    'refused',
    'emptyresponse',
    'junkresponse',
    'unreachable',
    'networkerror'
  ],
  'here it is reset': ['resetbeforerequest', 'refusedstream', 'httpreset', 'disconnectedfailure', 'eof'],
  'here it is timeout': ['responsetimeout', 'readtimeout', 'deadline', 'http408'],
  'write 500': ['http500'],
  'write 502': ['http502', 'badgateway'],
  'write 503': ['http503', 'unavailable'],
  'write 504': ['http504'],
  'write 429': ['http429', 'ratelimited'],
  'POST and the like go by `when: always`, or `idempotency-key`': ['nonidempotent']
})

/** For `protocol` of a pool. */
export const foreignPoolProtocols = table({
  'write http1, with `tls: {}` beside it': ['https', 'ssl', 'tls'],
  'write h2c, or h2 with `tls: {}`': ['grpc', 'grpcs', 'http2', 'http/2'],
  'here it is http1': ['http', 'http/1.1', 'http11', 'http1.1'],
  'bytes are relayed by a listener with `mode: l4`; take it out': ['tcp', 'udp'],
  'FastCGI and uWSGI are not spoken; put a server that speaks HTTP in between': [
    'fcgi',
    'fastcgi',
    'uwsgi',
    'scgi'
  ],
  'write http1, which carries WebSocket too': ['ws', 'wss', 'websocket'],
  'HTTP/3 is not there; take it out': ['h3', 'http3', 'quic']
})

export const foreignProtocols = table({
  'here it is h2': ['http2', 'http/2', 'http2.0', 'http/2.0', 'spdy', 'grpc'],
  'here it is http/1.1': ['h1', 'h11', 'http1', 'http11', 'http1.1', 'http', 'https', 'http/1', 'http/1.0'],
  'HTTP/3 is not there; take it out': ['h3', 'http3', 'http/3', 'quic'],
  'h2 is spoken in clear text too, where the listener has no `tls`: write h2': ['h2c']
})

export const foreignTlsVersions = table({
  'write TLSv1.2': [
    '1.2',
    'tls1.2',
    'tls12',
    'tlsv12',
    'versiontls12',
    '1.0',
    '1.1',
    'tls10',
    'tls11',
    'tlsv1',
    'sslv3',
    'sslv2',
    'all',
    'tlsv1.1'
  ],
  'write TLSv1.3': ['1.3', 'tls1.3', 'tls13', 'tlsv13', 'versiontls13']
})

/** What happens to open connections. */
export const foreignEnds = table({
  'write keep': ['drain', 'none', 'wait', 'graceful', 'false', 'ignore'],
  'write close': ['shutdown', 'shutdownsessions', 'kill', 'reset', 'true', 'drop', 'terminate', 'cut']
})

/** What happens to connections of backups when a primary returns. */
export const foreignReturns = table({
  'write keep': ['none', 'false', 'ignore', 'nothing'],
  'write close-backups': [
    'shutdownbackupsessions',
    'close',
    'closebackup',
    'shutdown',
    'failback',
    'true',
    'reset'
  ]
})

/** For ACME. */
export const foreignChallenges = table({
  'write http-01': ['http', 'http01', 'httpchallenge', 'webroot', 'standalone'],
  'write tls-alpn-01': ['tls', 'tlsalpn', 'alpn', 'tlschallenge', 'tlsalpn01'],
  'write dns-01, and `hook` beside it': [
    'dns',
    'dns01',
    'dnschallenge',
    'dnsprovider',
    'cloudflare',
    'route53'
  ]
})

/** For paths with escaped slashes and semicolons. */
export const foreignPathWords = table({
  'write keep': ['allow', 'allowed', 'true', 'on', 'off', 'nodecode', 'unescape', 'passthrough'],
  'write refuse': ['deny', 'reject', 'forbid', 'block', 'false', 'rejectrequest'],
  'write strip': ['remove', 'drop', 'delete', 'ignore']
})

export const foreignProxyProtocols = table({
  'write v2': ['2', 'true', 'on', 'yes', 'sendproxyv2', 'proxyv2', 'version2'],
  'write v1': ['1', 'sendproxy', 'proxyv1', 'version1'],
  'leave the key out for none': ['off', 'no', 'false', 'none']
})
