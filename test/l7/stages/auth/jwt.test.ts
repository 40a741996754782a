import { createSecretKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { memoryLogger } from '../../../fakes/memory-logger.ts'
import type { Exchange } from '../../../../src/l7/exchange/exchange.ts'
import { HeaderBlock } from '../../../../src/l7/message/header-block.ts'
import type { Answer } from '../../../../src/l7/stages/auth/auth-method.ts'
import { Jwt } from '../../../../src/l7/stages/auth/jwt/jwt.ts'
import { jwtSchema } from '../../../../src/l7/stages/auth/jwt/keys.ts'
import { authLab } from './auth-lab.ts'
import { until } from '../../../e2e/servers.ts'
import { b64, ecKey, edKey, jwk, rsaKey, type SigningKey, signed, startIssuer } from './issuer.ts'

const rsa = rsaKey('rsa-1')
const ec = ecKey('ec-1')
const ed = edKey('ed-1')
const weak = rsaKey('weak', 1024)
const other = rsaKey('rsa-1')
const otherEc = ecKey('ec-1')
const p384 = ecKey('p384', 'P-384')
const secret = 'x'.repeat(40)
const keys = [jwk(rsa), jwk(ec), jwk(ed), jwk(weak), jwk(p384), { kty: 'oct', kid: 'oct', k: b64(secret) }, jwk(rsaKey('enc'), { use: 'enc' }), jwk(rsaKey('rs512'), { alg: 'RS512' })] // prettier-ignore

const issuer = 'https://idp.example'
const clock = new FakeClock()
const now = (): number => Math.floor(clock.wall() / 1000)
const claims = (): Record<string, unknown> => ({
  iss: issuer,
  aud: 'api',
  sub: 'alice',
  exp: now() + 600,
  realm: { roles: ['admin', 'ops'] },
  scope: 'read write'
})
const header = { alg: 'RS256', typ: 'JWT', kid: 'rsa-1' }

function requestWith(fields: string, query?: string): Exchange {
  return { request: { headers: new HeaderBlock(fields) }, query } as unknown as Exchange
}

const bearer = (token: string): Exchange => requestWith(`Authorization: Bearer ${token}\r\n`)
const context = { realm: 'web', clock, log: memoryLogger(), dry: false }

function fromFile(t: Tap, more: object = {}): Jwt {
  const file = join(t.testdir(), 'jwks.json')
  writeFileSync(file, JSON.stringify({ keys }))
  return new Jwt(
    jwtSchema.parse({ issuer, audience: 'api', jwks: `file:${file}`, roles: 'realm.roles', ...more }),
    context
  )
}

type Tap = { testdir(): string }

const said = (answer: Answer | undefined): string =>
  answer === undefined
    ? 'nothing'
    : answer.kind === 'proven'
      ? answer.identity.name
      : answer.kind === 'denied'
        ? answer.reason
        : answer.kind

t.test('tokens of every algorithm let in, with roles, scopes and claims', async (t) => {
  const all = ['RS256', 'PS256', 'ES256', 'EdDSA']
  const jwt = fromFile(t)
  for (const [alg, key] of [
    ['RS256', rsa],
    ['PS256', rsa],
    ['ES256', ec],
    ['EdDSA', ed]
  ] as const) {
    const token = signed({ alg, kid: key.kid }, claims(), key.privateKey)
    const answer = jwt.check(bearer(token))
    t.match(
      answer,
      {
        kind: 'proven',
        identity: { name: 'alice', roles: ['admin', 'ops'], scopes: ['read', 'write'], by: 'jwt' }
      },
      alg
    )
    t.equal(jwt.check(bearer(token)), answer, 'it is remembered')
    t.match(fromFile(t, { algorithms: all.filter((one) => one !== alg) }).check(bearer(token)), {
      kind: 'denied'
    })
  }
  t.equal(
    said(jwt.check(bearer(signed({ alg: 'RS256' }, claims(), rsa.privateKey)))),
    'alice',
    'without a kid'
  )
  t.equal(said(jwt.check(bearer(signed({ ...header, typ: 'at+JWT' }, claims(), rsa.privateKey)))), 'alice')
  t.equal(
    said(jwt.check(bearer(signed(header, { ...claims(), aud: ['x', 'api'] }, rsa.privateKey)))),
    'alice'
  )
  t.equal(
    said(jwt.check(bearer(signed(header, { ...claims(), exp: now() - 59 }, rsa.privateKey)))),
    'alice',
    'within the skew'
  )
  const shared = new Jwt(jwtSchema.parse({ issuer, audience: 'api', secret }), context)
  t.equal(
    said(
      shared.check(
        bearer(signed({ alg: 'HS256', kid: 'any' }, claims(), createSecretKey(Buffer.from(secret))))
      )
    ),
    'alice'
  )
  const mail = fromFile(t, { name: 'email', header: 'x-token', query: 'token', cookie: 'token' })
  const token = signed(header, { ...claims(), email: 'a@b' }, rsa.privateKey)
  for (const exchange of [
    requestWith(`X-Token: ${token}\r\n`),
    requestWith(`Cookie: a=1; token=${token}\r\n`),
    requestWith('', `a=1&token=${token}`)
  ]) {
    t.equal(said(mail.check(exchange)), 'a@b')
  }
  t.equal(jwt.check(requestWith('')), undefined)
  t.equal(jwt.check(requestWith('Authorization: Basic YTpi\r\n')), undefined)
})

t.test('forgeries are refused', async (t) => {
  const jwt = fromFile(t, { algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256', 'RS512'] })
  const good = signed(header, claims(), rsa.privateKey)
  const [h, c, s] = good.split('.') as [string, string, string]
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' })
  const hmac = (key: string | Buffer) => createSecretKey(Buffer.from(key as string))
  const with_ = (more: object, base: object = header): string =>
    signed({ ...base, ...more }, claims(), rsa.privateKey)
  const saying = (more: object): string => signed(header, { ...claims(), ...more }, rsa.privateKey)
  const without = (name: string): string => {
    const rest = claims()
    delete rest[name]
    return signed(header, rest, rsa.privateKey)
  }
  const zero = Buffer.alloc(64)
  const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
  const esHeader = { alg: 'ES256', kid: 'ec-1' }
  const esData = `${b64(esHeader)}.${b64(claims())}`
  const esGood = signed(esHeader, claims(), ec.privateKey)
  const text = JSON.stringify(claims())
  const cases: Record<string, string> = {
    'none': signed({ alg: 'none' }, claims(), undefined),
    'none with a signature': `${b64({ alg: 'none' })}.${c}.${s}`,
    'None': `${b64({ alg: 'None', kid: 'rsa-1' })}.${c}.${s}`,
    'NONE': `${b64({ alg: 'NONE' })}.${c}.`,
    'nOnE': `${b64({ alg: 'nOnE' })}.${c}.AA`,
    'no alg': `${b64({ kid: 'rsa-1' })}.${c}.${s}`,
    'alg null': `${b64({ alg: null })}.${c}.${s}`,
    'alg a list': `${b64({ alg: ['RS256'] })}.${c}.${s}`,
    'alg in lower case': `${b64({ alg: 'rs256', kid: 'rsa-1' })}.${c}.${s}`,
    'alg with a space': `${b64({ alg: 'RS256 ', kid: 'rsa-1' })}.${c}.${s}`,
    'alg of the prototype': `${b64({ alg: 'constructor' })}.${c}.${s}`,
    'alg RS1': `${b64({ alg: 'RS1', kid: 'rsa-1' })}.${c}.${s}`,
    'HS256 with the public key as PEM': signed({ alg: 'HS256', kid: 'rsa-1' }, claims(), hmac(pem as string)),
    'HS256 with the public key as PEM, trimmed': signed({ alg: 'HS256' }, claims(), hmac((pem as string).trim())),
    'HS256 with the public key as DER': signed({ alg: 'HS256', kid: 'rsa-1' }, claims(), hmac(der)),
    'HS256 with the JWK': signed({ alg: 'HS256' }, claims(), hmac(JSON.stringify(keys[0]))),
    'HS256 with the modulus': signed({ alg: 'HS256' }, claims(), hmac(Buffer.from((keys[0] as { n: string }).n, 'base64url'))),
    'HS256 with an empty key': signed({ alg: 'HS256' }, claims(), createSecretKey(Buffer.alloc(0))),
    'HS256 with a secret that stands in the JWKS': signed({ alg: 'HS256', kid: 'oct' }, claims(), hmac(secret)),
    'kid of another key': with_({ kid: 'ec-1' }),
    'kid that is not there': with_({ kid: 'nobody' }),
    'kid with a path': with_({ kid: '../../../../dev/null' }),
    'kid with a path, signed by nothing': signed({ alg: 'HS256', kid: '/dev/null' }, claims(), createSecretKey(Buffer.alloc(0))),
    'kid with SQL': with_({ kid: "x' UNION SELECT 'key'-- " }),
    'kid with a command': with_({ kid: '|sleep 10' }),
    'kid with a URL': with_({ kid: 'https://evil.example/jwks' }),
    'kid of the prototype': with_({ kid: '__proto__' }),
    'kid a number': with_({ kid: 1 }),
    'kid null': with_({ kid: null }),
    'kid a list': with_({ kid: ['rsa-1'] }),
    'kid huge': with_({ kid: 'k'.repeat(5000) }),
    'key in the header': signed({ ...header, kid: undefined, jwk: jwk(other) }, claims(), other.privateKey),
    'key in the header, with our kid': signed({ ...header, jwk: jwk(other) }, claims(), other.privateKey),
    'jku': signed({ ...header, jku: 'http://127.0.0.1:1/jwks' }, claims(), other.privateKey),
    'x5u': signed({ ...header, x5u: 'http://127.0.0.1:1/cert' }, claims(), other.privateKey),
    'x5c': signed({ ...header, x5c: ['MIIB'] }, claims(), other.privateKey),
    'another key': signed(header, claims(), other.privateKey),
    'another curve key': signed(esHeader, claims(), otherEc.privateKey),
    'a weak key': signed({ alg: 'RS256', kid: 'weak' }, claims(), weak.privateKey),
    'a key of another curve': signed({ alg: 'ES256', kid: 'p384' }, claims(), p384.privateKey),
    'a key for encryption': with_({ kid: 'enc' }),
    'a key of another algorithm': with_({ kid: 'rs512' }),
    'crit': with_({ crit: ['exp'] }),
    'crit empty': with_({ crit: [] }),
    'b64 false': with_({ b64: false }),
    'zip': with_({ zip: 'DEF' }),
    'nested by cty': with_({ cty: 'JWT' }),
    'typ of a logout': with_({ typ: 'logout+jwt' }),
    'typ of DPoP': with_({ typ: 'dpop+jwt' }),
    'typ no text': with_({ typ: 1 }),
    'nested': signed(header, b64(good), rsa.privateKey),
    'JWE': `${b64({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.AA.AA.AA.AA`,
    'no signature': `${h}.${c}.`,
    'no signature and no dot': `${h}.${c}`,
    'four parts': `${good}.AA`,
    'other claims': `${h}.${b64({ ...claims(), sub: 'root' })}.${s}`,
    'other header': `${b64({ ...header, x: 1 })}.${c}.${s}`,
    'signature cut': good.slice(0, -4),
    'signature longer': `${good}AAAA`,
    'signature padded': `${good}==`,
    'signature in the other base64': `${h}.${c}.${Buffer.from(s, 'base64url').toString('base64')}`,
    'signature with a line end': `${h}.${c}.${s.slice(0, 10)}\t${s.slice(10)}`,
    'signature with spare bits': `${h}.${c}.${s.slice(0, -1)}${s.endsWith('A') ? 'B' : String.fromCharCode(s.charCodeAt(s.length - 1) + 1)}`,
    'psychic: r and s are 0': `${esData}.${b64(zero)}`,
    'psychic: r and s are n': `${esData}.${b64(Buffer.concat([order, order]))}`,
    'psychic: r is 0': `${esData}.${b64(Buffer.concat([zero.subarray(32), order]))}`,
    'psychic: empty': `${esData}.`,
    'ES256 as DER': `${esData}.${b64(Buffer.from('3006020100020100', 'hex'))}`,
    'EdDSA of zeros': `${b64({ alg: 'EdDSA', kid: 'ed-1' })}.${c}.${b64(zero)}`,
    'ES256 called RS256': `${b64({ alg: 'RS256', kid: 'ec-1' })}.${c}.${esGood.split('.')[2]!}`,
    'expired': saying({ exp: now() - 61 }),
    'exp missing': without('exp'),
    'exp a text': saying({ exp: String(now() + 600) }),
    'exp null': saying({ exp: null }),
    'exp negative': saying({ exp: -1 }),
    'exp a list': saying({ exp: [now() + 600] }),
    'exp infinite': signed(header, text.replace(/"exp":\d+/, '"exp":1e999'), rsa.privateKey),
    'not yet': saying({ nbf: now() + 61 }),
    'nbf a text': saying({ nbf: 'now' }),
    'issued in the future': saying({ iat: now() + 61 }),
    'another audience': saying({ aud: 'web' }),
    'audience missing': without('aud'),
    'audience empty': saying({ aud: [] }),
    'audience a part': saying({ aud: 'ap' }),
    'audience longer': saying({ aud: 'api2' }),
    'audience in another case': saying({ aud: 'API' }),
    'audience a mapping': saying({ aud: { api: true } }),
    'audience a list of lists': saying({ aud: [['api']] }),
    'another issuer': saying({ iss: 'https://evil.example' }),
    'issuer with a slash': saying({ iss: `${issuer}/` }),
    'issuer missing': without('iss'),
    'issuer a list': saying({ iss: [issuer] }),
    'no name': without('sub'),
    'name a number': saying({ sub: 1 }),
    'name empty': saying({ sub: '' }),
    'name huge': saying({ sub: 'a'.repeat(2000) }),
    'a claim twice': signed(header, text.replace('"sub":"alice"', '"sub":"root","sub":"alice"'), rsa.privateKey),
    'a claim twice, escaped': signed(header, text.replace('"sub":"alice"', '"s\\u0075b":"root","sub":"alice"'), rsa.privateKey),
    'a claim twice, inside': signed(header, text.replace('"roles":', '"roles":["x"],"roles":'), rsa.privateKey),
    'alg twice': signed('{"alg":"none","alg":"RS256","kid":"rsa-1"}', claims(), rsa.privateKey),
    'huge': saying({ junk: 'x'.repeat(20_000) }),
    'deep': signed(header, text.replace('{', `{"deep":${'['.repeat(3000)}${']'.repeat(3000)},`), rsa.privateKey),
    'claims a list': signed(header, '[]', rsa.privateKey),
    'claims null': signed(header, 'null', rsa.privateKey),
    'claims no JSON': signed(header, 'alice', rsa.privateKey),
    'claims with a comment': signed(header, text.replace('{', '{/**/'), rsa.privateKey),
    'claims no UTF-8': (() => { const data = `${h}.${b64(Buffer.concat([Buffer.from(text.slice(0, -1)), Buffer.from(',"x":"\xff"}', 'latin1')]))}`; return `${data}.${s}` })(),
    'header no JSON': `${b64('x')}.${c}.${s}`,
    'header a list': `${b64('[]')}.${c}.${s}`,
    'dots only': '..',
    'two at once': `${good}, ${good}`,
    'a null byte behind': `${good}\0`,
    'a null byte within': `${h}\0.${c}.${s}`,
    'claims with a byte-order mark': signed(header, `\ufeff${text}`, rsa.privateKey),
    'claims with a null byte behind': signed(header, `${text}\0`, rsa.privateKey),
    'alg with a null byte': `${b64({ alg: 'RS256\0none', kid: 'rsa-1' })}.${c}.${s}`,
    'alg true': `${b64({ alg: true, kid: 'rsa-1' })}.${c}.${s}`,
    'the JSON form': JSON.stringify({ payload: c, protected: h, signature: s }),
    'a detached payload': `${h}..${s}`,
    'RS256 with PS256 bytes': `${h}.${c}.${signed({ ...header, alg: 'PS256' }, claims(), rsa.privateKey).split('.')[2]!}`,
    'epk and apu': with_({ enc: 'A128GCM', epk: {}, apu: 'x' }),
    'exp far beyond': saying({ exp: -1e300 }),
    'a prototype in the claims': signed(header, text.replace('"sub":"alice"', '"__proto__":{"sub":"root"}'), rsa.privateKey),
    'percent-encoded': encodeURIComponent(good).replace('.', '%2e')
  } // prettier-ignore
  t.ok(Object.keys(cases).length > 100)
  t.equal(said(jwt.check(bearer(good))), 'alice', 'it is not that nothing passes')
  t.equal(said(jwt.check(bearer(esGood))), 'alice')
  for (const [name, token] of Object.entries(cases)) {
    const answer = jwt.check(bearer(token))
    t.equal(answer?.kind, 'denied', name)
    t.notMatch(said(answer), token.slice(-20))
  }
})

t.test('a remembered token is refused when it expires, and when its key is taken back', async (t) => {
  const clock = new FakeClock()
  const file = join(t.testdir(), 'jwks.json')
  writeFileSync(file, JSON.stringify({ keys: [jwk(rsa)] }))
  const jwt = new Jwt(jwtSchema.parse({ issuer, audience: 'api', jwks: `file:${file}` }), {
    ...context,
    clock
  })
  const exp = Math.floor(clock.wall() / 1000) + 600
  const token = signed(header, { ...claims(), exp }, rsa.privateKey)
  t.equal(said(jwt.check(bearer(token))), 'alice')
  clock.advance(659_000)
  t.equal(said(jwt.check(bearer(token))), 'alice')
  clock.advance(2_000)
  t.equal(said(jwt.check(bearer(token))), 'expired')
  const later = signed(header, { ...claims(), exp: exp + 6000 }, rsa.privateKey)
  t.equal(said(jwt.check(bearer(later))), 'alice')
  writeFileSync(file, JSON.stringify({ keys: [jwk(ec)] }))
  clock.advance(1000)
  t.equal(said(jwt.check(bearer(later))), 'signed by a key that the issuer does not have')
})

t.test(
  'an issuer may rotate its keys every few seconds: fetches that bring new keys are not counted',
  async (t) => {
    const idp = await startIssuer([jwk(rsa)])
    t.teardown(() => idp.close())
    const clock = new FakeClock()
    const exp = Math.floor(clock.wall() / 1000) + 100_000
    const jwt = new Jwt(jwtSchema.parse({ issuer: idp.url, audience: 'api', refresh: '10m', maxTokens: 0 }), {
      ...context,
      clock
    })
    const ask = async (kid: string, key = rsa): Promise<string> => {
      const token = signed({ alg: 'RS256', kid }, { ...claims(), iss: idp.url, exp }, key.privateKey)
      const answer = jwt.check(bearer(token))
      if (answer?.kind !== 'pending') return said(answer)
      return said(await new Promise<Answer | undefined>((resolve) => void answer.start(resolve)))
    }
    t.equal(await ask('rsa-1'), 'alice')
    for (let i = 0; i < 20; i++) {
      const key = rsaKey(`turn-${i}`)
      idp.keys = [jwk(key)]
      clock.advance(2_000)
      t.equal(await ask(`turn-${i}`, key), 'alice')
    }
    idp.fetches = 0
    for (let i = 0; i < 20; i++) {
      clock.advance(2_000)
      t.match(await ask(`guess-${i}`), 'does not have')
    }
    t.ok(idp.fetches <= 7, `guesses are: ${idp.fetches}`)
    idp.down = true
    for (let i = 0; i < 20; i++) {
      clock.advance(2_000)
      t.match(await ask(`outage-${i}`), 'does not have')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    t.ok(idp.fetches <= 20, `and during an outage: ${idp.fetches}`)
    const last = rsaKey('last')
    idp.keys = [jwk(last)]
    idp.down = false
    clock.advance(5_000)
    t.equal(await ask('last', last), 'alice', 'its end is noticed within seconds')
  }
)

t.test(
  'keys are fetched once, again for an unknown kid after a pause, and used through an outage',
  async (t) => {
    const idp = await startIssuer([jwk(rsa)])
    t.teardown(() => idp.close())
    const clock = new FakeClock()
    const exp = Math.floor(clock.wall() / 1000) + 100_000
    const make = (kid: string, key = rsa): string =>
      signed({ alg: 'RS256', kid }, { ...claims(), iss: idp.url, exp }, key.privateKey)
    const jwt = new Jwt(jwtSchema.parse({ issuer: idp.url, audience: 'api', refresh: '10m', maxTokens: 0 }), {
      ...context,
      clock
    })
    const ask = async (token: string): Promise<string> => {
      const answer = jwt.check(bearer(token))
      if (answer?.kind !== 'pending') return said(answer)
      return said(await new Promise<Answer | undefined>((resolve) => void answer.start(resolve)))
    }
    t.same(await Promise.all([ask(make('rsa-1')), ask(make('rsa-1'))]), ['alice', 'alice'])
    t.equal(idp.fetches, 1, 'one fetch for all')
    const next = rsaKey('rsa-2')
    idp.keys = [jwk(rsa), jwk(next)]
    const early = [ask(make('rsa-2', next)), ask(make('rsa-2', next))]
    t.equal(idp.fetches, 1, 'a second has not passed')
    clock.advance(1000)
    t.same(await Promise.all(early), ['alice', 'alice'])
    t.equal(idp.fetches, 2)
    for (let i = 0; i < 200; i++) {
      const guess = ask(make(`guess-${i}`))
      clock.advance(100)
      clock.advance(i < 30 ? 1000 : 0)
      t.match(await guess, 'does not have')
    }
    t.ok(idp.fetches <= 8, `unknown kids do not flood the issuer: ${idp.fetches}`)
    clock.advance(30_000)
    idp.fetches = 2
    idp.down = true
    for (let minute = 0; minute < 120; minute++) {
      clock.advance(60_000)
      t.equal(await ask(make('rsa-2', next)), 'alice')
      await new Promise((resolve) => setImmediate(resolve))
    }
    idp.down = false
    idp.keys = [jwk(next)]
    // The answer of the issuer comes over a socket.
    const late = AbortSignal.timeout(30_000)
    while ((await ask(make('rsa-1'))) === 'alice' && !late.aborted) {
      clock.advance(60_000)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    t.equal(await ask(make('rsa-2', next)), 'alice')
    clock.advance(31_000)
    t.match(await ask(make('rsa-1')), 'does not have', 'the old key is gone')
  }
)

t.test(
  'a JWT lets a request through lb; without keys the answer is 503, and a wrong one is told in the challenge',
  async (t) => {
    const idp = await startIssuer([jwk(rsa)])
    t.teardown(() => idp.close())
    const jwt = { issuer: idp.url, audience: 'api', jwks: idp.jwks, roles: 'realm.roles', timeout: '2s' }
    const exp = Math.floor(Date.now() / 1000) + 600
    const token = signed(header, { ...claims(), iss: idp.url, exp, email: 'a@b.example' }, rsa.privateKey)
    const listener = {
      auth: [{ jwt }, { apiKeys: { keys: { bob: 'bobs-key' } } }],
      require: { roles: 'admin', scopes: ['write'], claims: { 'realm.roles': 'ops' } },
      identity: { header: 'x-user', claims: { 'x-email': 'email' }, strip: true }
    }
    const { ask } = await authLab(t, listener)
    const fine = await ask(`Authorization: Bearer ${token}\r\nX-Email: root@example\r\n`)
    t.equal(fine.status, 200)
    t.match(fine.head, /x-user: alice\r\nx-email: a@b.example\r\n/)
    t.notMatch(fine.head, /bearer|root@/i)
    const wrong = await ask(`Authorization: Bearer ${token.slice(0, -4)}AAAA\r\n`)
    t.equal(wrong.status, 401)
    t.match(wrong.text, 'WWW-Authenticate: Bearer realm="web", error="invalid_token"\r\n')
    t.match((await ask()).text, /WWW-Authenticate: Bearer realm="web"\r\nWWW-Authenticate: ApiKey/)
    t.equal(
      (await ask('Authorization: Bearer opaque\r\nX-Api-Key: bobs-key\r\n')).status,
      403,
      'the next method is asked'
    )
    const dead = await authLab(t, { auth: [{ jwt: { ...jwt, jwks: 'http://127.0.0.1:1/jwks' } }] })
    const unavailable = await dead.ask(`Authorization: Bearer ${token}\r\n`)
    t.equal(unavailable.status, 503)
    t.match(unavailable.text, 'LB_AUTH_UNAVAILABLE')
  }
)

t.test('keys that are rotated under load lose no request', { timeout: 120_000 }, async (t) => {
  const idp = await startIssuer([jwk(rsa)])
  t.teardown(() => idp.close())
  const exp = Math.floor(Date.now() / 1000) + 6000
  let serial = 0
  const make = (key: SigningKey): string =>
    signed({ alg: 'ES256', kid: key.kid }, { ...claims(), iss: idp.url, exp, jti: ++serial }, key.privateKey)
  let key = ecKey('first')
  idp.keys = [jwk(key)]
  const { ask } = await authLab(t, { auth: [{ jwt: { issuer: idp.url, audience: 'api', timeout: '30s' } }] })
  const wrong: string[] = []
  const passed = new Map<string, number>()
  let over = false
  const client = async (): Promise<void> => {
    while (!over) {
      const { kid } = key
      const { status } = await ask(`Authorization: Bearer ${make(key)}\r\n`)
      if (status === 200) passed.set(kid, (passed.get(kid) ?? 0) + 1)
      else wrong.push(`${kid}: ${status}`)
    }
  }
  const clients = Array.from({ length: 4 }, client)
  for (let round = 0; round < 4; round++) {
    await until(() => (passed.get(key.kid) ?? 0) >= 10 || wrong.length > 0, `${key.kid} lets in`)
    const next = ecKey(`round-${round}`)
    idp.keys = [jwk(key), jwk(next)]
    key = next
  }
  await until(() => (passed.get(key.kid) ?? 0) >= 10 || wrong.length > 0, `${key.kid} lets in`)
  over = true
  await Promise.all(clients)
  t.strictSame(wrong, [])
  t.ok(idp.fetches <= 6, `${idp.fetches} fetches`)
})
