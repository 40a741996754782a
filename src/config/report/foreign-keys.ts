import { placed } from './foreign-places.ts'

/** Keys of other load balancers, listed by the key that has the same effect here. */
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
  '`source: 10.0.0.9` of the pool': ['source', 'usesrc', 'proxybind', 'sourceaddress', 'localaddress', 'bindaddress', 'upstreambindconfig'],
  '`buffer: { request: 1mb }`': ['bufferrequests', 'bufferrequest', 'requestbuffering', 'proxyrequestbuffering', 'bufferrequestbody', 'requestbuffers'],
  '`workers: 4` at the top of the file': ['nbthread', 'nbproc', 'threads', 'concurrencythreads'],
  '`connections: { maxIdle: 64 }` of the pool': ['keepalive', 'maxidleconns', 'maxidleconnsperhost', 'keepaliveconnections'],
  '`protocol: h2` of the pool, `protocols: [h2, http/1.1]` of the listener': ['http2on', 'alpn'],
  '`proxyProtocol: { trusted: [10.0.0.0/8] }` of the listener, `proxyProtocol: v2` of the pool': ['acceptproxy', 'sendproxy', 'sendproxyv2', 'proxyprotocolv2'],
  '`trustedProxies: [10.0.0.0/8]` of the listener': ['realip', 'realipfrom', 'proxyheaders', 'remoteip', 'remoteipheader', 'remoteipinternalproxy', 'usexforwardedfor', 'enablerealip', 'trustedproxy', 'setrealipfrom', 'realipheader', 'forwardedheaders', 'trustedips', 'trustproxy', 'trustforwardheader'],
  '`onDown: close` of the pool': ['onmarkeddown', 'onservermarkeddown'],
  '`onUp: close-backups` of the pool': ['onmarkedup'],
  '`sticky: { cookie: NAME }` of the pool': ['cookie', 'stickysessions', 'sessionaffinity', 'persistence', 'appsession'],
  '`algorithm: least-connections` of the pool': ['leastconn', 'roundrobin', 'lbmethod', 'hashtype'],
  '`listeners:` with `mode: l7`, and `pools:`': ['frontends', 'services', 'global', 'apps', 'sites'],
  '`algorithm: hash` of the pool, which goes by the client address unless `hash.key` says otherwise': ['iphash', 'sourceaffinity'],
  '`buffer: { request: 1mb }`, and without it bodies stream': ['proxyrequestbuffering', 'requestbuffering', 'bufferrequest'],
  '`cache` of the route, or `headers: { response: { set: { Cache-Control: "max-age=86400" } } }`': ['expires', 'cachecontrol'],
  '`routes`, each with its own `match`': ['map', 'geo', 'splitclients', 'defaultactions', 'ifblock'],
  '`match: { pathPrefix: /api/ }`, `match: { host: … }` and others of the route': ['conditions', 'pathpattern', 'hostheader', 'matches'],
  '`pool: web` of the route': ['route', 'targetgroup', 'targetgrouparn', 'forward', 'backendrefs', 'servicename', 'defaultbackend', 'usebackends'],
  '`split: [{ pool: web, weight: 90 }, { pool: canary, weight: 10 }]`': ['weightedclusters', 'weighted', 'weightedservices', 'targetgroups'],
  '`rewrite: { stripPrefix: /api }`, `{ addPrefix: … }` or `{ path: { regex: …, to: … } }`': ['prefixrewrite', 'rewritetarget', 'replacepath', 'replacepathregex', 'uristripprefix', 'urlrewrite'],
  '`breaker: { failures: 5 }` and `queue: { max: 100 }` of the pool, and `maxConnections: 100` of a backend': ['circuitbreakers', 'circuitbreaker'],
  '`retry: { attempts: 2 }` of the pool; another try is always on another backend': ['redispatch', 'optionredispatch', 'proxynextupstream', 'retrypolicy'],
  '`allow: [10.0.0.0/8]` of the listener, or `match: { clientIp: … }` of a route': ['ipallowlist', 'ipwhitelist', 'sourceranges', 'whitelistsourcerange', 'loadbalancersourceranges', 'allowfrom'],
  '`acme:` at the top of the file, and `tls: { acme: { domains: [example.com] } }` of the listener': ['certificatesresolvers', 'certificateresolvers', 'tlsautomation'],
  '`tls: {}` of the pool': ['serverstransport', 'serverstransports', 'proxyssl', 'upstreamtls', 'transportsocket'],
  '`sticky: { cookie: lb_backend, ttl: 1d }` of the pool': ['stickiness', 'stickyness', 'sessionstickiness', 'sessionpersistence'],
  '`shutdown: { grace: 30s }` at the top of the file, and `lb drain POOL/BACKEND --wait 60s`': ['deregistrationdelay', 'drainingtimeout', 'connectiondraining', 'draintimeout', 'terminationdelay'],
  '`backends: ["10.0.0.1:8080"]` of the pool': ['lbendpoints', 'loadassignment', 'upstreamservers', 'targets', 'origins', 'members'],
  '`health: { type: http, path: /healthz }` of the pool, with `expect: { status: 200-399 }`': ['httpcheck', 'healthcheckpath', 'healthcheckprotocol', 'healthcheckurl', 'tcpcheck'],
  '`discover: { kubernetes: { service: NAME } }` of the pool': ['selector', 'replicas', 'subsets', 'endpointslices'],
  '`rateLimit: { requests: 100, per: 1s, key: client-ip }`': ['sticktable', 'stick', 'limitreq', 'limitrps'],
  'always so: X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host are sent; take it out': ['forwardfor', 'optionforwardfor', 'xforwardedfor'],
  'always so: Host goes on as it came; take it out': ['passhostheader', 'preservehost', 'proxypreservehost', 'hostheaderrewrite'],
  'not needed: defaults stand in docs/config.md, and YAML anchors (`x-…: &name`) share what several parts have in common': ['defaults', 'snippets', 'templates', 'include'],
} // prettier-ignore

/** Keys without a counterpart here, and what to do. */
const absent: Readonly<Record<string, readonly string[]>> = {
  'upgrades and HTTP/1.1 to backends go without a key; take it out': ['websocket', 'websockets', 'ws', 'upgrade', 'allowwebsocket', 'websocketsupport', 'proxyhttpversion', 'httpversion'],
  'what is within `burst` passes at once; take it out': ['nodelay', 'delay'],
  'answers pass as the backend wrote them: tell the application its outer address (`X-Forwarded-Prefix` is sent)': ['proxyredirect', 'proxycookiepath', 'proxycookiedomain', 'proxypassreverse'],
  'it needs no key: what lb and OpenSSL choose is good; take it out': ['curves', 'curvepreferences', 'sslecdhcurve', 'ecdhcurves', 'dhparam', 'ssldhparam', 'sslsessioncache', 'sslsessiontickets', 'sslsessiontimeout', 'sessiontickets', 'sslpreferserverciphers', 'preferserverciphersuites', 'snistrict'],
  'browsers show no realm any more; take it out': ['realm'],
  'lb learns backends by DNS, a file, a URL, Docker, Kubernetes or Consul': ['etcd', 'zookeeper', 'eureka', 'nomad', 'swarm', 'marathon', 'ecs'],
  'responses stream through in constant memory; take it out': ['proxybuffering', 'proxybuffers', 'proxybuffersize', 'responsebuffering', 'xaccelbuffering', 'flushinterval', 'tcpnodelay', 'tcpnopush', 'sendfile'],
  'state is shared by all workers anyway; take it out': ['zone', 'sharedmemory', 'limitreqzone', 'limitconnzone', 'peers'],
  'lb writes no file of its process id; `lb status` shows it, and systemd needs none': ['pid', 'pidfile'],
  'lb is no ingress controller; `discover: { kubernetes: … }` of a pool follows a service': ['ingressclassname', 'ingressclass', 'annotations', 'parentrefs', 'gatewayclassname'],
  'lb runs in the foreground; systemd or Docker keep it running': ['daemon', 'background', 'daemonize', 'supervised'],
  'limits of the process are those of the system (`LimitNOFILE` of systemd, `ulimit -n`); take it out': ['workerrlimitnofile', 'rlimitnofile', 'ulimitn', 'ulimit'],
  'files of lb have no version; take it out': ['version'],
  'sockets of all workers share the address; take it out': ['reuseport', 'soreuseport', 'acceptmutex', 'multiaccept'],
  'the length of the queue is that of the system (`net.core.somaxconn`); take it out': ['backlog', 'listenbacklog', 'tcpbacklog'],
  'a connection that says nothing yet costs little; take it out': ['deferaccept', 'tcpdeferaccept', 'acceptfilter', 'tfo', 'fastopen', 'tcpfastopen'],
  'backends learn clients\' addresses by `proxyProtocol: v2` of the pool, or X-Forwarded-For; take it out': ['transparent', 'tproxy', 'iptransparent', 'freebind'],
  '`bind: "0.0.0.0:8080"` is IPv4 and `bind: "[::]:8080"` IPv6 alone; a list of both is both': ['ipv6only', 'v6only', 'v4v6'],
  'name the address of the interface: `bind: "10.0.0.9:8080"`': ['interface', 'device', 'bindtodevice', 'sobindtodevice'],
  'countries are not known here; a CDN in front tells them in a field, which `match: { headers: … }` reads': ['geoip', 'geoip2', 'country', 'countries', 'geoblock'],
  'lb searches requests for no attacks; put a firewall in front, or ask one by `auth: [{ forward: { url: … } }]`': ['waf', 'modsecurity', 'modsecurityrules', 'coraza', 'naxsi'],
  'clients may send any number of requests over a connection; take it out': ['maxrequests', 'keepaliverequests', 'maxkeepaliverequests', 'maxrequestsperconnection'],
  'lb adds no Server field; `headers: { response: { remove: [Server] } }` takes out that of the backends': ['servertokens', 'serverheader', 'hideserver', 'serverheadertransformation', 'serversignature'],
  'bodies go on as they come; take it out': ['responseforwarding', 'streaming', 'optionhttpnodelay', 'httpnodelay'],
  'it is that of `user`; take it out': ['group', 'gid', 'groupname'],
  'HTTP/3 is not spoken; take it out': ['http3', 'quic', 'h3', 'altsvc', 'enablehttp3'],
  'lb serves no files; give the work to a backend that does, and name its pool': ['root', 'index', 'tryfiles', 'fileserver', 'autoindex', 'alias'],
  'lb runs no FastCGI, uWSGI or CGI; put a server that speaks HTTP in between': ['fastcgipass', 'uwsgipass', 'scgipass', 'phpfastcgi', 'fcgiapp'],
  'traces go on as `traceparent`, and lb exports none of its own': ['tracing', 'opentelemetry', 'otel', 'otlp', 'zipkin', 'jaeger'],
  'rules are tried in the order of the list; put this one further up or down': ['priority', 'order', 'precedence']
} // prettier-ignore

const missing = new Map(
  Object.entries(absent).flatMap(([sentence, keys]) => keys.map((key) => [key, sentence]))
)
const cures = new Map(Object.entries(table).flatMap(([cure, keys]) => keys.map((key) => [key, cure])))

/**
 * The name here of an unknown key from another load balancer, as the end of a message; undefined: it is from none of
 * them.
 */
export function foreignKey(key: string, known: readonly string[]): string | undefined {
  const bare = key.toLowerCase().replaceAll(/[-_ .]/g, '')
  if (/^(?:\/\/|\/\*)/.test(key)) return '; a comment begins with "#"'
  // `mode:l7`
  const value = /^([\w-]+):(.+)$/.exec(key)
  if (value !== null) return `; a colon needs a space behind it: "${value[1]}: ${value[2]}"`
  // A misspelling of a key that is allowed here.
  if (known.some((each) => each.toLowerCase() === bare)) return undefined
  const near = placed.find(([beside, , keys]) => known.includes(beside) && keys.includes(bare))
  const sentence = near === undefined ? missing.get(bare) : undefined
  if (sentence !== undefined) return `; ${sentence}`
  const cure = near?.[1] ?? cures.get(bare)
  return cure === undefined ? undefined : `; here it is ${cure}`
}
