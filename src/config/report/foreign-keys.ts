/** Keys of other load balancers, by what does the same here. */
const table: Readonly<Record<string, readonly string[]>> = {
  '`timeouts: { keepAlive: 75s }` of the listener': ['keepalivetimeout', 'timeouthttpkeepalive', 'idletimeout'],
  '`timeouts: { idle: 60s }` of the listener': ['clientbodytimeout', 'sendtimeout', 'timeoutclient', 'clienttimeout'],
  '`timeouts: { requestHeaders: 10s }` of the listener': [
    'clientheadertimeout', 'timeouthttprequest', 'readheadertimeout'
  ],
  '`timeouts: { response: 60s }` of the pool, and `timeouts: { idle: 60s }` for bodies': [
    'proxyreadtimeout', 'timeoutserver', 'responseheadertimeout', 'readtimeout', 'responsetimeout', 'requesttimeout'
  ],
  '`timeouts: { idle: 60s }` of the pool': ['proxysendtimeout', 'writetimeout'],
  '`timeouts: { connect: 3s }` of the pool': ['proxyconnecttimeout', 'timeoutconnect', 'dialtimeout', 'connecttimeout'],
  '`timeouts: { tunnel: 1h }` of the listener': ['timeouttunnel'],
  '`queue: { timeout: 1s }` of the pool': ['timeoutqueue'],
  '`limits: { bodyBytes: 10mb }`': ['clientmaxbodysize', 'maxbodysize', 'maxrequestbodybytes', 'maxrequestbody'],
  '`limits: { headBytes: 16kb }`': ['largeclientheaderbuffers', 'clientheaderbuffersize', 'tunemaxrewrite'],
  '`routes: [{ match: { host: example.com }, pool: web }]`': ['servername', 'servernames', 'virtualhosts', 'domains', 'vhosts'],
  '`routes`, each with its own `match` and `pool`': ['acl', 'usebackend', 'rulesets', 'handlers', 'routers'],
  '`match: { host: …, pathPrefix: … }`': ['rule', 'handle', 'handlepath', 'matcher', 'matchers'],
  '`pool: web`, a name under `pools:`': ['reverseproxy', 'proxy', 'service', 'proxypass', 'upstreamname', 'defaultpool'],
  'keys of the route itself: `rewrite`, `headers`, `rateLimit`, `auth`, `compress`': ['middlewares', 'middleware', 'plugins', 'filters'],
  '`rewrite: { stripPrefix: /api }`': ['stripprefix', 'handlepathprefix'],
  '`tls: { certificates: { cert: FILE, key: FILE } }`': [
    'sslcertificate', 'sslcertificatekey', 'certfile', 'keyfile', 'crt', 'bindcrt', 'tlsoptions', 'sslcert', 'sslkey'
  ],
  '`tls: { minVersion: TLSv1.2 }`': ['sslprotocols', 'sslminver', 'minversion'],
  '`headers: { request: { set: { NAME: value } } }`': [
    'proxysetheader', 'requestheaders', 'headerup', 'setheader', 'addrequestheader', 'requestheadersadd'
  ],
  '`headers: { response: { set: { NAME: value } } }`': [
    'addheader', 'responseheaders', 'headerdown', 'httpresponse', 'customresponseheaders', 'moreheaders'
  ],
  '`status: 301`, or 308, which keeps the method': ['permanent'],
  '`redirect: { to: …, status: 302 }`': ['return301', 'redir', 'rewriterule'],
  '`respond: { status: …, body: … }`': ['return', 'staticresponse', 'directresponse', 'errorfile', 'monitoruri'],
  '`redirectToHttps: true`': ['forcehttps', 'forcessl', 'sslredirect', 'redirectscheme', 'autohttps', 'httpsredirect'],
  '`interval: 5s`': ['inter', 'every', 'period', 'healthinterval', 'checkinterval', 'healthinter'],
  '`rise: 2`': ['passes', 'healthythreshold', 'successthreshold'],
  '`fall: 3`': ['fails', 'unhealthythreshold', 'failurethreshold', 'maxfailures'],
  '`expect: { status: 200-399 }`': ['expectedstatus', 'expectstatus', 'httpchkexpect', 'healthstatus', 'expectedcodes'],
  '`path: /healthz`': ['httpchk', 'healthuri'],
  '`breaker: { failures: 3, open: 10s }` of the pool': ['maxfails', 'failtimeout', 'failduration', 'onerror', 'observe'],
  '`health: { type: http, path: /healthz }` of the pool': ['healthcheck', 'healthchecks', 'optionhttpchk', 'activehealthcheck', 'livenessprobe', 'readinessprobe'],
  '`drain`: take a backend out by `lb drain POOL/BACKEND`, or leave it out of the list': ['disabled', 'enabled'],
  '`requests: 100` with `per: 1s`': ['rps', 'requestspersecond'],
  '`compress: true`': ['gzip', 'gziptypes', 'brotli', 'encode', 'compression'],
  '`accessLog: true` of the listener': ['accesslogs', 'optionhttplog', 'logformat', 'httplog', 'access'],
  'standard output: `accessLog: { file: … }` of a listener takes requests to a file, and systemd or Docker keep the rest': ['logfile', 'errorlog'],
  '`maxConnections: 100` of a backend or listener': ['maxconn', 'maxconns', 'workerconnections', 'maxconnection'],
  '`connections: { maxIdle: 64 }` of the pool': ['keepalive', 'maxidleconns', 'maxidleconnsperhost', 'keepaliveconnections'],
  '`protocol: h2` of the pool, `protocols: [h2, http/1.1]` of the listener': ['http2on', 'alpn'],
  '`proxyProtocol: { trusted: [10.0.0.0/8] }` of the listener, `proxyProtocol: v2` of the pool': ['acceptproxy', 'sendproxy', 'sendproxyv2', 'proxyprotocolv2'],
  '`trustedProxies: [10.0.0.0/8]` of the listener': ['setrealipfrom', 'realipheader', 'forwardedheaders', 'trustedips', 'trustproxy', 'trustforwardheader'],
  '`sticky: { cookie: NAME }` of the pool': ['cookie', 'stickysessions', 'sessionaffinity', 'persistence', 'iphash', 'appsession'],
  '`algorithm: least-connections` of the pool': ['leastconn', 'roundrobin', 'lbmethod', 'hashtype'],
  '`listeners:` with `mode: l7`, and `pools:`': ['frontends', 'services', 'global', 'apps', 'sites'],
  'not needed: defaults stand in docs/config.md, and YAML anchors (`x-…: &name`) share what several parts have in common': ['defaults', 'snippets', 'templates', 'include'],
} // prettier-ignore

/** What is not here under any name, and what to do. */
const absent: Readonly<Record<string, readonly string[]>> = {
  'it needs no key: what lb and OpenSSL choose is good; take it out': ['curves', 'curvepreferences', 'sslecdhcurve', 'ecdhcurves', 'dhparam', 'ssldhparam', 'sslsessioncache', 'sslsessiontickets', 'sslsessiontimeout', 'sessiontickets', 'sslpreferserverciphers', 'preferserverciphersuites', 'snistrict'],
  'browsers show no realm any more; take it out': ['realm'],
  'lb learns backends by DNS, a file, a URL, Docker, Kubernetes or Consul': ['etcd', 'zookeeper', 'eureka', 'nomad', 'swarm', 'marathon', 'ecs'],
  'files of lb have no version; take it out': ['version'],
  'HTTP/3 is not spoken; take it out': ['http3', 'quic', 'h3', 'altsvc', 'enablehttp3'],
  'lb serves no files; give the work to a backend that does, and name its pool': ['root', 'index', 'tryfiles', 'fileserver', 'autoindex', 'alias'],
  'lb runs no FastCGI, uWSGI or CGI; put a server that speaks HTTP in between': ['fastcgipass', 'uwsgipass', 'scgipass', 'phpfastcgi', 'fcgiapp'],
  'traces go on as `traceparent`, and lb exports none of its own': ['tracing', 'opentelemetry', 'otel', 'otlp', 'zipkin', 'jaeger'],
  'rules are tried in the order of the list; put this one further up or down': ['priority', 'order', 'precedence']
} // prettier-ignore

/** Words that mean something only where a certain other key may stand. */
const placed: readonly (readonly [beside: string, cure: string, keys: readonly string[]])[] = [
  ['requestHeaders', '`idle: 60s`', ['client', 'read', 'write', 'send', 'body', 'http']],
  ['requestHeaders', '`requestHeaders: 10s`', ['httprequest', 'readheader', 'header', 'request']],
  ['requestHeaders', '`timeouts: { response: 60s, connect: 3s }` of the pool', ['server', 'response', 'connect']],
  ['response', '`response: 60s` to the head, and `idle: 60s` for bodies', ['server', 'read', 'request', 'total']],
  ['response', '`idle: 60s`', ['write', 'send']],
  ['rise', '`expect: { status: 200-399 }`', ['status', 'statuses', 'codes', 'code']],
  ['rise', '`path: /healthz`', ['uri', 'endpoint', 'url']],
  ['serverName', '`cert: FILE` and `key: FILE`', ['clientcert', 'clientkey', 'clientcertificate', 'proxysslcertificate', 'certkey']],
  ['panicThreshold', '`protocol: h2c`, or `protocol: h2` with `tls: {}`', ['grpc', 'http2', 'h2', 'h2c', 'grpcpass']],
  ['panicThreshold', '`discover: { dns: NAME, port: 8080 }`', ['resolve', 'resolver', 'resolvers', 'dns', 'dnslookupfamily', 'strictdns']],
  ['rise', '`expect: { body: ok }`', ['body', 'contains', 'expectbody', 'response', 'match', 'expectstring']],
  ['rise', '`fall: 3`: a new backend may serve until so many probes have failed', ['startperiod', 'initialdelay', 'initialdelayseconds', 'grace', 'graceperiod', 'delay', 'startinterval']],
  ['nonIdempotent', '`timeouts: { response: 5s }` of the pool, for each try', ['pertrytimeout', 'timeout', 'tryduration', 'perretrytimeout']],
  ['sameSite', '`algorithm: hash` of the pool, with `hash: { key: "header:NAME" }`', ['header', 'query', 'ip', 'source', 'hash', 'param']],
  ['sameSite', 'always so: take it out', ['httponly']],
  ['sameSite', '`ttl: 1h`', ['maxage', 'expires', 'timeout', 'duration']],
  ['maxOpen', '`queue: { max: 100 }` of the pool, and `maxConnections: 100` of a backend', ['maxpendingrequests', 'maxrequests', 'maxconnections', 'maxretries']],
  ['maxOpen', '`open: 10s`', ['cooldown', 'resettimeout', 'sleepwindow', 'waitduration', 'interval', 'halfopenafter']],
  ['slow', '`sample: 0.1`, which keeps failures and what is slow', ['exclude', 'skip', 'filter', 'filters', 'ignore', 'excludepaths']],
  ['selfSigned', '`securityHeaders: { hsts: 1y }` of the listener', ['hsts', 'stricttransportsecurity']],
  ['selfSigned', '`clientAuth: { ca: FILE }`', ['clientca', 'clientcas', 'ca', 'sslclientcertificate', 'sslverifyclient', 'verifyclient', 'mtls', 'trustedca', 'clientcert', 'verify']],
  ['onDemand', '`acme: { directory: https://… }` at the top of the file', ['server', 'caserver']],
  ['challenge', '`directory: https://acme.example/directory`', ['ca', 'server', 'caserver', 'url', 'endpoint']],
  ['challenge', '`hook: ./dns-hook.sh`, with `challenge: dns-01`', ['dnschallenge', 'provider', 'dnsprovider', 'dns']],
  ['challenge', '`challenge: http-01`', ['httpchallenge', 'tlschallenge', 'webroot']],
  ['backchannel', '`callback: /.lb/oidc/callback`, a path', ['redirecturi', 'redirecturl', 'callbackurl', 'callbackuri', 'callbackpath']],
  ['burst', 'always 429; `errorPages: { 429: ./busy.html }` says it in words of yours', ['status', 'statuscode', 'rejectcode', 'ratelimitedstatus', 'limitreqstatus', 'responsecode']],
  ['trustedOrigins', 'not needed: origins are compared; take it out', ['cookie', 'token', 'header', 'secret', 'cookiename']],
  ['kubeconfig', '`service: NAME`, whose endpoints are followed', ['selector', 'labels', 'labelselector', 'deployment', 'ingress', 'endpoints']],
  ['network', '`socket: /var/run/docker.sock`', ['host', 'endpoint', 'url', 'address', 'dockerhost']],
  ['panicThreshold', '`maxConnections: 100` of each backend: `backends: [{ address: "10.0.0.1:8080", maxConnections: 100 }]`', ['maxconnections', 'maxconn']],
  ['skew', '`jwks: URL`', ['jwksuri', 'jwksurl', 'certsurl', 'remotejwks', 'keys', 'publickey', 'certificate']],
  ['remember', '`users: file:/etc/lb/htpasswd`', ['htpasswd', 'usersfile', 'authfile', 'file', 'passwd', 'accounts']],
  ['burst', '`key: client-ip`', ['by', 'source', 'sourcecriterion', 'zone', 'ip', 'perip', 'perclient']],
  ['burst', '`per: 1m`', ['window', 'period', 'interval', 'unit', 'duration', 'every', 'time', 'timewindow']],
  ['adaptive', '`max: 100`', ['limit', 'maxconcurrent', 'maxrequests', 'maxinflight', 'amount', 'requests', 'concurrency']],
  ['minBytes', '`minBytes: 1kb`', ['minlength', 'gzipminlength', 'minsize', 'minresponsebodybytes', 'threshold', 'length', 'mincontentlength']],
  ['minBytes', '`algorithms: [zstd, br, gzip]`', ['encodings', 'encoders', 'gzip', 'brotli', 'br', 'zstd', 'prefer']],
  ['minBytes', '`types: [text/*, application/json]`', ['mimetypes', 'contenttypes', 'contenttype', 'gziptypes', 'includedcontenttypes']],
  ['trustedOrigins', '`trustedOrigins: https://app.example.com`', ['origins', 'allow', 'allowed', 'allowedorigins', 'trusted', 'origin']],
  ['amplification', '`idle: 30s`', ['timeout', 'sessiontimeout', 'proxytimeout', 'ttl', 'idletimeout']],
  ['amplification', '`responses: 1`', ['proxyresponses', 'replies']],
  ['nonIdempotent', '`attempts: 2`', ['tries', 'count', 'max', 'maxretries', 'numretries', 'nextupstreamtries', 'proxynextupstreamtries', 'retries', 'limit']],
  ['nonIdempotent', '`on: [connect-failure, reset]`', ['retryon', 'conditions', 'statuses', 'nextupstream', 'proxynextupstream']],
  ['burst', '`requests: 100` with `per: 1s`', ['rate', 'average', 'limit', 'max']],
  ['level', 'standard output, which systemd and Docker keep; `accessLog: { file: … }` of a listener takes its requests to a file', ['file', 'path', 'output', 'destination']],
  ['listeners', '`listeners:` with `mode: l7`, and `pools:`', ['http', 'stream', 'tcp', 'static']],
  ['bind', '`routes`, each with its own `match` and `pool`', ['if', 'when', 'match', 'path', 'host']],
  ['bind', '`protocols: [h2, http/1.1]`', ['proto', 'protocol']],
  ['weight', '`lb drain POOL/BACKEND`, or `lb maint`, at run time', ['down', 'state', 'drain']],
  ['match', '`pool: web`, a name under `pools:`', ['to', 'action', 'target']],
  ['weight', '`health: { type: http, path: /healthz }` of the pool: all its backends are probed alike', ['check', 'healthcheck', 'inter', 'rise', 'fall']],
  ['boundedLoad', '`key: "header:NAME"`', ['header', 'headers', 'hdr']],
  ['boundedLoad', '`key: "cookie:NAME"`', ['cookie']],
  ['boundedLoad', '`key: "query:NAME"`', ['query', 'urlparam', 'queryparameter']],
  ['boundedLoad', '`key: client-ip`', ['source', 'sourceip', 'clientip', 'connectionproperties', 'type', 'policy']],
  ['addPrefix', '`path: { regex: "^/old", to: "/new" }`', ['regex', 'replacement', 'replace', 'pattern', 'to', 'target', 'regexrewrite']],
  ['selfSigned', '`minVersion: TLSv1.2`', ['protocols', 'versions', 'version']],
  ['selfSigned', '`certificates: { cert: FILE, key: FILE }`', ['certificatekey', 'keytype', 'pem', 'chain']],
  ['selfSigned', '`acme: { domains: [example.com] }`', ['certresolver', 'letsencrypt', 'autocert', 'domains', 'email']],
  ['apiKeys', '`basic: { users: file:/etc/lb/htpasswd }`', ['basicauth', 'htpasswd', 'users', 'digest']],
  ['apiKeys', '`apiKeys: { keys: { alice: file:/etc/lb/alice } }`', ['key', 'keys', 'token', 'tokens']],
  ['apiKeys', '`jwt: { issuer: … }`', ['bearer', 'bearertoken', 'claims', 'jwks']],
  ['apiKeys', '`forward: { url: … }`', ['forwardauth', 'extauthz', 'authrequest', 'external']],
  ['apiKeys', '`oidc: { issuer: …, clientId: … }`', ['oauth', 'oauth2', 'openid', 'openidconnect', 'sso']],
  ['bind', '`auth: [{ basic: { users: file:/etc/lb/htpasswd } }]`', ['authbasic', 'authbasicuserfile', 'basicauth', 'htpasswd']],
  ['bind', '`auth: [{ forward: { url: … } }]`', ['authrequest', 'forwardauth', 'extauthz']],
  ['listeners', '`discover: { dns: NAME, servers: [ADDRESS] }` of a pool', ['resolver', 'resolvers', 'nameserver', 'nameservers', 'dns']],
  ['listeners', '`admin: { bind: 127.0.0.1:9900 }`, which has /metrics', ['prometheus', 'metrics', 'statsd', 'status']],
  ['match', '`match: { pathPrefix: /api/ }`', ['location', 'prefix', 'uri', 'url', 'pathtype', 'from', 'locations']],
  ['match', '`match: { host: …, pathPrefix: … }`', ['host', 'path', 'pathPrefix', 'methods']],
  ['bind', '`redirect: { to: … }` or `respond: { status: … }` of a route', ['return']],
  ['bind', 'a key of a route: `routes: [{ match: { pathPrefix: /old/ }, rewrite: { … }, pool: web }]`', ['rewrite', 'redirect', 'respond', 'stripprefix']],
  ['bind', '`rateLimit: { requests: 100, per: 1s, key: client-ip }`', ['limitreq', 'limitreqzone', 'ratelimiting', 'throttle']],
  ['bind', '`concurrency: { max: 100 }`, or `connectionLimit: { perClient: 10 }`', ['limitconn', 'inflightreq']],
  ['bind', '`admin: { bind: 127.0.0.1:9900 }` of the file, which has /metrics and `lb status`', ['stubstatus', 'statsuri', 'statsenable']],
  ['bind', '`bind: ":8080"`', ['entrypoints', 'entrypoint']],
  ['bind', '`tls: { acme: { domains: [example.com] } }`', ['certresolver', 'letsencrypt', 'autocert']],
  ['bind', '`sni: [{ host: example.com, pool: web }]` of `mode: l4`, or `routes` of `mode: l7`', ['filterchains', 'sslpreread', 'hostsni']],
  ['listeners', '`discover: { docker: … }` of a pool, which reads labels', ['labels', 'providers', 'docker']],
  ['bind', '`discover: { docker: … }` of a pool, which reads labels', ['labels']],
  ['backends', '`health: { type: http, path: /healthz }`', ['option', 'httpchk', 'probe']],
  ['backends', 'a key of a backend: `backends: [{ address: "10.0.0.1:8080", weight: 3, backup: true }]`', ['weight', 'backup']],
  ['maxOpen', '`failures: 5`', ['threshold', 'expression', 'consecutive', 'errors']],
  ['maxOpen', '`open: 10s`', ['timeout', 'duration', 'recoveryduration', 'fallbackduration']],
  ['sameSite', '`cookie: lb_backend`', ['name', 'cookiename']],
  ['guesses', 'an item of the list: `auth: [{ apiKeys: { keys: { alice: file:/etc/lb/alice } } }]`', ['apikey', 'key', 'keys', 'token']],
  ['guesses', 'an item of the list: `auth: [{ forward: { url: … } }]`', ['forwardauth', 'extauthz', 'authrequest', 'external']],
  ['guesses', 'an item of the list: `auth: [{ basic: { users: file:/etc/lb/htpasswd } }]`', ['basicauth', 'htpasswd', 'users', 'digest']],
  ['guesses', 'an item of the list: `auth: [{ oidc: { issuer: …, clientId: … } }]`', ['oauth', 'oauth2', 'openid', 'openidconnect', 'sso']],
  ['guesses', 'an item of the list: `auth: [{ jwt: { issuer: … } }]`', ['bearer', 'bearertoken', 'claims']],
  ['privateNetwork', '`origins: https://app.example.com`', ['alloworigins', 'alloworigin', 'allowedorigins', 'accesscontrolalloworiginlist', 'alloworiginlist']],
  ['privateNetwork', '`methods: [GET, POST]`', ['allowmethods', 'allowedmethods', 'accesscontrolallowmethods']],
  ['privateNetwork', '`headers: [X-Name]`', ['allowheaders', 'allowedheaders', 'accesscontrolallowheaders']],
  ['privateNetwork', '`credentials: true`', ['allowcredentials', 'accesscontrolallowcredentials']],
  ['nosniff', '`frame: deny`', ['frameoptions', 'framedeny', 'xframeoptions', 'customframeoptionsvalue']],
  ['nosniff', '`hsts: 1y`', ['stsseconds', 'stricttransportsecurity']],
  ['nosniff', '`nosniff: true`', ['contenttypenosniff', 'xcontenttypeoptions']],
  ['urlBytes', '`bodyBytes: 10mb`', ['body', 'request', 'requestbody', 'maxbody', 'size']],
  ['onDemand', '`acme: { email: … }` at the top of the file, for all listeners', ['email', 'challenge', 'directory', 'ca', 'staging']],
  ['directory', '`tls: { acme: { domains: [example.com] } }` of the listener', ['domains', 'names', 'hosts']],
  ['directory', 'not asked for: by naming an authority you agree to its terms; take it out', ['agree', 'agreetos', 'termsofserviceagreed']],
  ['prefix', '`url: redis://:PASSWORD@10.0.0.5:6379/0`', ['host', 'port', 'password', 'db', 'database', 'address', 'addr', 'hosts']],
  ['level', 'not a key: lines are JSON, and text on a terminal; `LB_LOG=json` or `LB_LOG=pretty` in the environment decides', ['format', 'json', 'pretty', 'encoder', 'encoding']]
] // prettier-ignore

const missing = new Map(
  Object.entries(absent).flatMap(([sentence, keys]) => keys.map((key) => [key, sentence]))
)
const cures = new Map(Object.entries(table).flatMap(([cure, keys]) => keys.map((key) => [key, cure])))

/** What an unknown key of another load balancer is called here, as the tail of a message; undefined: none of theirs. */
export function foreignKey(key: string, known: readonly string[]): string | undefined {
  const bare = key.toLowerCase().replaceAll(/[-_ .]/g, '')
  // A slip of the pen for a key that may stand there.
  if (known.some((each) => each.toLowerCase() === bare)) return undefined
  const near = placed.find(([beside, , keys]) => known.includes(beside) && keys.includes(bare))
  const sentence = near === undefined ? missing.get(bare) : undefined
  if (sentence !== undefined) return `; ${sentence}`
  const cure = near?.[1] ?? cures.get(bare)
  return cure === undefined ? undefined : `; here it is ${cure}`
}
