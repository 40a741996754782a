/** Words of other load balancers, without case, dashes and underscores, and the cure: what to write here. */
export type ForeignWords = ReadonlyMap<string, string>

function table(rows: Readonly<Record<string, readonly string[]>>): ForeignWords {
  return new Map(Object.entries(rows).flatMap(([cure, words]) => words.map((word) => [word, cure])))
}

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
