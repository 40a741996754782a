import { createSecretKey } from 'node:crypto'
import t from 'tap'
import { Choices, given } from '../../fakes/choices.ts'
import { configFromObject } from '../../../src/config/parse-config.ts'
import type { L7ListenerConfig } from '../../../src/config/model/model.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { dryRun } from '../../../src/l7/exchange/dry/dry-run.ts'
import { ecKey, signed } from './auth/issuer.ts'
import { answering, rawBackend, startLab } from '../engine/lab.ts'

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
const PROOF = signed({ typ: 'dpop+jwt', alg: 'ES256' }, { jti: '1' }, ecKey('proof').privateKey)

/** A failure names its seed. */
class Generator extends Choices {
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
          { apiKeys: { keys: [{ name: 'shop', key: 'k'.repeat(20), roles: ['admin'] }], header: 'x-key' } },
          false
        ]),
        share
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
      buffer: this.maybe({ request: '1kb' }, share),
      grpcWeb: this.maybe(true, share / 2)
    })
  }

  route(): object {
    const path = this.one(['/', '/api', '/old', '/a/b'])
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
      limits: this.maybe(this.one([{ methods: ['GET'] }, { urlBytes: '16b' }, { headerCount: 3 }]), 0.3)
    })
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
          routes: Array.from({ length: 1 + Math.floor(this.random() * 4) }, () => this.route())
        })
      ],
      pools: {
        one: given({ backends: [backends[0]], sticky: this.maybe({ cookie: 'lb' }) }),
        two: { backends: [backends[1]] }
      }
    }
  }

  request(pseudonym: string): string {
    const target = this.one([
      '/',
      '/api/x?y=1',
      '/api',
      '/old?',
      '/a/%62',
      '/a//b',
      '/%zz',
      '/..%2f',
      'http://other.test/api',
      '*'
    ])
    const loop = Array.from({ length: this.one([1, 3]) }, () => `1.1 ${pseudonym}`).join(', ')
    const fields = [
      this.one(['Host: example.test', 'Host: www.example.test:80', 'Host: a b', '']),
      this.maybe('X-Debug: 1'),
      this.maybe('X_Debug: 1', 0.1),
      this.maybe('X-Forwarded-For: 192.0.2.7'),
      this.maybe('Forwarded: for=192.0.2.8;host=said.test', 0.2),
      this.maybe('X-Original-URL: /admin', 0.2),
      this.maybe('Connection: x-debug', 0.2),
      this.maybe(`Max-Forwards: ${this.one([0, 3])}`, 0.3),
      this.maybe(`Via: ${loop}`, 0.2),
      this.maybe('Accept: application/json', 0.2),
      this.maybe(`Origin: ${this.one(['https://a.test', 'https://b.test', 'null'])}`, 0.3),
      this.maybe(`Access-Control-Request-Method: ${this.one(['GET', 'PUT'])}`, 0.2),
      this.maybe(`Sec-Fetch-Site: ${this.one(['same-origin', 'cross-site'])}`, 0.2),
      this.maybe(`Authorization: ${this.one(CREDENTIALS)}`, 0.5),
      this.maybe(`DPoP: ${PROOF}`, 0.1),
      this.maybe(`X-Key: ${this.one(['k'.repeat(20), 'wrong'])}`, 0.2),
      this.maybe(`X-Priority: ${this.one(['high', 'low'])}`, 0.1),
      this.maybe('Accept-Encoding: gzip', 0.3),
      this.maybe('Content-Encoding: gzip', 0.1),
      this.maybe('Content-Type: application/grpc-web+proto', 0.1)
    ]
    const method = this.one(['GET', 'GET', 'HEAD', 'POST', 'OPTIONS', 'TRACE', 'CONNECT'])
    const lines = fields.filter((line) => line !== undefined && line !== '').map((line) => `${line}\r\n`)
    return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`
  }
}

/** Without what is new with each request, and what frames the message. */
function comparable(lines: readonly string[]): string[] {
  return lines
    .filter(
      (line) => !/^(traceparent|x-request-id|date|connection|content-length|transfer-encoding):/i.test(line)
    )
    .map((line) => line.replace(/^(RateLimit: .*)r=\d+;t=\d+/i, '$1'))
    .sort()
}

const ROUNDS = 40
const REQUESTS = 25

t.test('explain says what then happens: route, status, pool, and every field that is sent', async (t) => {
  const heads: { pool: string; head: string }[] = []
  const backend = (pool: string) =>
    rawBackend(
      answering((head) => {
        heads.push({ pool, head })
        return 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
      })
    )
  const [one, two] = [await backend('one'), await backend('two')]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  const start = Number(process.env['SEED'] ?? 1)
  for (let seed = start; seed < start + ROUNDS; seed++) {
    const generator = new Generator(seed * 7919)
    let config = generator.config([one.address, two.address])
    let result = configFromObject(config)
    // Some combinations are refused: a requirement without auth, say.
    for (; !result.ok; result = configFromObject(config))
      config = generator.config([one.address, two.address])
    const lab = await startLab(config)
    const { pseudonym } = lab.engine
    // The stage for auth writes lines of its own.
    const accessLine = () => lab.log.lines.find(({ fields }) => fields['status'] !== undefined)
    for (let n = 0; n < REQUESTS; n++) {
      const head = generator.request(pseudonym)
      const explained = dryRun(
        {
          listener: result.config.listeners[0] as L7ListenerConfig,
          pools: result.config.pools,
          clock: systemClock,
          pseudonym,
          explainCache: () => {
            throw new Error('no cache here')
          }
        },
        { head, peer: '127.0.0.1' }
      )
      heads.length = lab.log.lines.length = 0
      const client = await lab.client()
      client.send(head)
      await client.until(
        ({ received }) => /\r\n\r\n/.test(received) && accessLine() !== undefined,
        `an answer to ${head}`
      )
      const name = `seed ${seed}, request ${n}: ${JSON.stringify(head)} ${JSON.stringify(config)}`
      const line = accessLine()!.fields
      const status = Number(client.received.slice(9, 12))
      const sent = heads[0]
      const happened = {
        route: line['route'],
        code: line['code'],
        status,
        pool: sent?.pool,
        asksFor: sent?.head.split(' ')[1],
        answers:
          sent === undefined
            ? comparable(client.received.slice(0, client.received.indexOf('\r\n\r\n')).split('\r\n').slice(1))
            : undefined,
        sends:
          sent &&
          comparable(
            sent.head
              .split('\r\n')
              .slice(1)
              .filter((each) => each !== '')
          )
      }
      const action = explained.sends === undefined ? undefined : explained.action
      const told = {
        route: explained.route,
        code: explained.refused?.code,
        status: explained.answers?.status ?? 200,
        pool: action?.kind === 'pool' ? action.pool : undefined,
        asksFor: action === undefined ? undefined : explained.forwards,
        answers: explained.answers && comparable(explained.answers.fields),
        sends: explained.sends && comparable(explained.sends)
      }
      if (JSON.stringify(told) !== JSON.stringify(happened)) {
        t.same(told, happened, name)
        await lab.close()
        return
      }
      client.socket.destroy()
    }
    await lab.close()
  }
  t.pass(`${ROUNDS * REQUESTS} requests`)
})
