import { createHash, createSecretKey, randomUUID } from 'node:crypto'
import { Choices, given } from '../../fakes/choices.ts'
import { withPlugins } from '../../../src/l7/plugins/with-plugins.ts'
import type { Plugin } from '../../../src/l7/plugins/plugin.ts'
import type { LoadedStage } from '../../../src/l7/stages/loaded.ts'
import { thumbprint } from '../../../src/l7/stages/auth/jwt/dpop/thumbprint.ts'
import { ecKey, signed } from './auth/issuer.ts'

const SECRET = 's'.repeat(32)
const signs = createSecretKey(Buffer.from(SECRET))
const token = (claims: object): string =>
  signed({ alg: 'HS256' }, { iss: 'idp', aud: 'api', sub: 'ada', exp: 4_102_444_800, ...claims }, signs)
const CREDENTIALS = [
  `Bearer ${token({ roles: ['admin'] })}`,
  `Bearer ${token({ tenant: 'a' })}`,
  `Bearer ${token({ cnf: { jkt: 'x'.repeat(43) } })}`,
  `DPoP ${token({ cnf: { jkt: 'x'.repeat(43) } })}`,
  `DPoP ${token({})}`,
  'Bearer wrong',
  'Basic YTpi'
]
const KEY = ecKey('proof')
const JWK = KEY.publicKey.export({ format: 'jwk' }) as Record<string, unknown>
const BOUND = token({ roles: ['admin'], cnf: { jkt: thumbprint(JWK) } })
const ATH = createHash('sha256').update(BOUND).digest('base64url')

/** A proof for BOUND (RFC 9449 §4.2). */
function proof(htm: string, htu: string): string {
  const claims = { jti: randomUUID(), htm, htu, iat: Math.floor(Date.now() / 1000), ath: ATH }
  return signed({ typ: 'dpop+jwt', alg: 'ES256', jwk: JWK }, claims, KEY.privateKey)
}

/** What a request asks of the plugins by X-Plugin. */
const WISHES = ['field', 'refuse', 'wait', 'forward', 'elsewhere', 'throw']

const early: Plugin<unknown> = {
  name: 'early',
  before: 'auth',
  owns: ['x-owned'],
  request(exchange, context) {
    const wish = exchange.request.headers.first('x-plugin')
    if (wish === 'field') exchange.setRequestField('X-Owned', exchange.path)
    if (wish === 'refuse') return context.refuse(exchange, { code: 'LB_RATE_LIMIT', reason: 'drawn' })
    if (wish === 'wait') return Promise.resolve()
    if (wish === 'throw') throw new Error('drawn')
    return undefined
  },
  forward(exchange, head) {
    if (exchange.request.headers.first('x-plugin') === 'forward') head.headers.append('X-Owned', 'forward')
  },
  response(_exchange, head) {
    head.headers.append('X-Drawn', String(head.status))
  }
}

const late: Plugin<unknown> = {
  name: 'late',
  after: 'destination',
  request(exchange, context) {
    if (exchange.request.headers.first('x-plugin') === 'elsewhere') exchange.target = context.pool('two')
  }
}

/** The table of stages with both plugins, on for all routes. */
export function withDrawnPlugins(): readonly LoadedStage[] {
  const limits = { budgetMs: 10_000, timeoutMs: 30_000 }
  const table = withPlugins([early, late].map((plugin) => ({ plugin, limits })))
  return table.map((stage) =>
    stage.name === 'early' || stage.name === 'late' ? { ...stage, key: undefined } : stage
  )
}

/** A failure names its seed. */
export class Generator extends Choices {
  /** URL of the service that `auth: forward` asks. */
  readonly decider: string

  constructor(seed: number, decider: string) {
    super(seed)
    this.decider = decider
  }

  edits(): object {
    return given({
      set: this.maybe({
        [this.one(['X-Env', 'X-Tenant', 'Host', 'X-Forwarded-For'])]: this.one(['a', '{client_ip}', '{host}'])
      }),
      add: this.maybe({ 'X-More': this.one(['1', '{scheme}']) }),
      remove: this.maybe([this.one(['X-Debug', 'Via', 'Accept', 'X-Forwarded-Proto'])])
    })
  }

  /** Stages that refuse, answer, or add to what is sent; on a listener or a route. */
  guards(share: number): object {
    return given({
      auth: this.maybe(
        this.one([
          {
            optional: this.one([true, false]),
            methods: [{ jwt: { secret: SECRET, issuer: 'idp', audience: 'api', dpop: false } }]
          },
          {
            methods: [
              {
                jwt: {
                  secret: SECRET,
                  issuer: 'idp',
                  audience: 'api',
                  dpop: { required: this.one([true, false]) }
                }
              }
            ],
            guesses: false
          },
          [{ apiKeys: { keys: { shop: 'k'.repeat(20) }, roles: { shop: 'admin' }, header: 'x-key' } }],
          [{ forward: { url: this.decider, identity: 'X-Auth-User', roles: 'X-Auth-Roles' } }],
          false
        ]),
        2 * share
      ),
      require: this.maybe(this.one([{ roles: ['admin'] }, { claims: { tenant: ['a'] } }]), share),
      identity: this.maybe({ header: 'x-user', roles: 'x-roles', strip: this.one([true, false]) }, share),
      cors: this.maybe(
        this.one([
          { origins: 'https://a.test' },
          { origins: '*', methods: '*', headers: '*' },
          { origins: 'https://a.test', credentials: true, exposed: ['X-Env'] }
        ]),
        share
      ),
      csrf: this.maybe(this.one([true, { allow: ['https://a.test'] }]), share),
      rateLimit: this.maybe(
        this.one([
          { requests: 100_000, per: '1s' },
          { requests: 1000, per: '1h', key: 'header:x-key' }
        ]),
        share
      ),
      concurrency: this.maybe({ max: 1000, priority: { header: 'x-priority' } }, share),
      fault: this.maybe({ abort: { percent: this.one([0, 100]), status: 503 } }, share / 2),
      errorPages: this.maybe({ '4xx': { body: '{status} {host}', type: 'text/plain' } }, share),
      securityHeaders: this.maybe(this.one([true, { frameOptions: 'DENY' }]), share),
      compress: this.maybe(this.one([true, { dictionary: true, algorithms: ['gzip'] }]), share),
      decompress: this.maybe(true, share),
      buffer: this.maybe({ request: this.one(['4b', '1kb']) }, share),
      grpcWeb: this.maybe(true, share / 2)
    })
  }

  route(): object {
    const path = this.one(['/', '/', '/api', '/old', '/a/b'])
    const action = this.one([
      { pool: 'one' },
      { pool: 'two' },
      { redirect: { to: 'https://{host}/new{path}{query}' } },
      { respond: { status: this.one([200, 204, 418]), headers: { 'X-A': 'b' } } }
    ])
    return given({
      match: given({
        pathPrefix: this.maybe(path, 0.6),
        host: this.maybe(this.one(['example.test', '*.example.test']), 0.3),
        methods: this.maybe(this.one([['GET'], ['POST', 'OPTIONS']]), 0.3),
        headers: this.maybe({ 'x-debug': '*' }, 0.2)
      }),
      ...action,
      rewrite:
        'pool' in action ? this.maybe(this.one([{ stripPrefix: '/api' }, { addPrefix: '/v1' }])) : undefined,
      headers: this.maybe(
        given({ request: this.edits(), response: this.maybe({ set: { 'X-Out': '{scheme}' } }) })
      ),
      ...this.guards(0.15),
      limits: this.maybe(
        this.one([{ methods: ['GET'] }, { urlBytes: '16b' }, { headerCount: 3 }, { bodyBytes: '4b' }]),
        0.3
      )
    })
  }

  /** Takes what no other route takes. */
  last(): object {
    return given({ match: {}, pool: 'two', ...this.guards(0.2) })
  }

  config(backends: readonly [string, string]): object {
    return {
      listeners: [
        given({
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          accessLog: true,
          ...this.guards(0.25),
          via: this.maybe(this.one(['response', true]), 0.3),
          trustedProxies: this.maybe(['127.0.0.0/8']),
          trace: this.maybe(true),
          headers: this.maybe({ request: this.edits() }),
          routes: [
            ...Array.from({ length: 1 + Math.floor(this.random() * 3) }, () => this.route()),
            ...(this.random() < 0.7 ? [this.last()] : [])
          ]
        })
      ],
      pools: {
        one: given({ backends: [backends[0]], sticky: this.maybe({ cookie: 'lb' }) }),
        two: { backends: [backends[1]] }
      }
    }
  }

  request(pseudonym: string): { head: string; body: string } {
    const usual = this.random() < 0.8
    const target = usual
      ? this.one(['/', '/api/x?y=1', '/api', '/old?', '/a/%62', '/a//b'])
      : this.one(['/%zz', '/..%2f', 'http://other.test/api', '*'])
    const odd = (share: number): number => (this.random() < 0.3 ? share : 0)
    const loop = Array.from({ length: this.one([1, 3]) }, () => `1.1 ${pseudonym}`).join(', ')
    const fields: (string | undefined)[] = [
      usual
        ? this.one(['Host: example.test', 'Host: www.example.test:80'])
        : this.one(['Host: example.test', 'Host: a b', '']),
      this.maybe('X-Debug: 1'),
      this.maybe('X_Debug: 1', 0.1),
      this.maybe(`X-Plugin: ${this.one(WISHES)}`, 0.4),
      this.maybe('X-Owned: forged', 0.2),
      this.maybe('X-Auth-User: forged', 0.2),
      this.maybe('X-Forwarded-For: 192.0.2.7'),
      this.maybe('Forwarded: for=192.0.2.8;host=said.test', 0.2),
      this.maybe('X-Original-URL: /admin', 0.2),
      this.maybe('Connection: x-debug', 0.1),
      this.maybe(`Max-Forwards: ${this.one([0, 3])}`, odd(0.3)),
      this.maybe(`Via: ${loop}`, odd(0.5)),
      this.maybe('Accept: application/json', 0.2),
      this.maybe(`Origin: ${this.one(['https://a.test', 'https://b.test', 'null'])}`, 0.3),
      this.maybe(`Access-Control-Request-Method: ${this.one(['GET', 'PUT'])}`, 0.2),
      this.maybe(`Sec-Fetch-Site: ${this.one(['same-origin', 'cross-site'])}`, 0.2),
      this.maybe(`X-Key: ${this.one(['k'.repeat(20), 'wrong'])}`, 0.2),
      this.maybe(`X-Priority: ${this.one(['high', 'low'])}`, 0.1),
      this.maybe('Accept-Encoding: gzip', 0.3),
      this.maybe('Content-Type: application/grpc-web+proto', 0.1)
    ]
    const method = this.one([
      'GET',
      'GET',
      'GET',
      'POST',
      'POST',
      'HEAD',
      'OPTIONS',
      usual ? 'PUT' : this.one(['TRACE', 'CONNECT'])
    ])
    const body = this.body(method)
    const host = fields[0]!.slice('Host: '.length)
    if (this.random() < 0.25)
      fields.push(`Authorization: DPoP ${BOUND}`, `DPoP: ${proof(method, `http://${host}${target}`)}`)
    else
      fields.push(
        this.maybe(`Authorization: ${this.one(CREDENTIALS)}`, 0.5),
        this.maybe(`DPoP: ${proof('GET', 'http://elsewhere.test/')}`, 0.1)
      )
    // What is not what its field says shows when it comes.
    if (body.bytes === '') fields.push(this.maybe('Content-Encoding: gzip', 0.1))
    const lines = [...fields, ...body.fields]
      .filter((line) => line !== undefined && line !== '')
      .map((line) => `${line}\r\n`)
    return { head: `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, body: body.bytes }
  }

  body(method: string): { fields: string[]; bytes: string } {
    if (method === 'TRACE' || method === 'CONNECT' || this.random() < 0.6) return { fields: [], bytes: '' }
    const expects = this.maybe('Expect: 100-continue', 0.3) ?? ''
    const size = this.one([1, 4, 5, 2000])
    // How long a body in chunks is shows when it is there: one that is too long is refused then.
    if (size <= 4 && this.random() < 0.5)
      return {
        fields: [expects, 'Transfer-Encoding: chunked'],
        bytes: `${size}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`
      }
    return { fields: [expects, `Content-Length: ${size}`], bytes: 'x'.repeat(size) }
  }
}
