import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { memoryLogger } from '../../../fakes/memory-logger.ts'
import type { Exchange } from '../../../../src/l7/exchange/exchange.ts'
import { HeaderBlock } from '../../../../src/l7/message/header-block.ts'
import type { Answer } from '../../../../src/l7/stages/auth/auth-method.ts'
import { Jwt } from '../../../../src/l7/stages/auth/jwt/jwt.ts'
import { jwtSchema } from '../../../../src/l7/stages/auth/jwt/keys.ts'
import { candidates, readKeySet, replaceKeys } from '../../../../src/l7/stages/auth/jwt/key-set.ts'
import { b64, ecKey, jwk, rsaKey, type SigningKey, signed } from './issuer.ts'

const rsa = rsaKey('rsa-1')
const ec = ecKey('ec-1')
const other = rsaKey('rsa-1')
const issuer = 'https://idp.example'
const clock = new FakeClock()
const now = (): number => Math.floor(clock.wall() / 1000)
const claims = (): Record<string, unknown> => ({ iss: issuer, aud: 'api', sub: 'alice', exp: now() + 600 })
const header = { alg: 'RS256', typ: 'JWT', kid: 'rsa-1' }

const exchangeOf = (fields: string): Exchange =>
  ({ request: { headers: new HeaderBlock(fields) } }) as unknown as Exchange
const bearer = (token: string): Exchange => exchangeOf(`Authorization: Bearer ${token}\r\n`)

function withKeys(t: Test, keys: readonly object[], more: object = {}): Jwt {
  const file = join(t.testdir({ 'jwks.json': JSON.stringify({ keys }) }), 'jwks.json')
  const input = jwtSchema.parse({ issuer, audience: 'api', jwks: `file:${file}`, ...more })
  return new Jwt(input, { realm: 'web', clock, log: memoryLogger(), dry: false })
}

const said = (answer: Answer | undefined): string => {
  if (answer?.kind === 'proven') return answer.identity.name
  return answer?.kind === 'denied' ? `denied: ${answer.reason}` : String(answer?.kind)
}

t.test('relatives of the known forgeries are refused', (t) => {
  const jwt = withKeys(t, [jwk(rsa), jwk(ec)], { algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] })
  const good = signed(header, claims(), rsa.privateKey)
  const [h, c, s] = good.split('.') as [string, string, string]
  const text = JSON.stringify(claims())
  const raw = (head: string, body: string = text, key = rsa.privateKey): string => signed(head, body, key)
  const headed = (more: string): string => raw(`{"alg":"RS256","kid":"rsa-1",${more}}`)
  const saying = (more: object): string => signed(header, { ...claims(), ...more }, rsa.privateKey)
  const spelled = (from: string | RegExp, to: string): string =>
    raw(JSON.stringify(header), text.replace(from, to))
  const es = (bytes: Buffer): string => `${b64({ alg: 'ES256', kid: 'ec-1' })}.${b64(claims())}.${b64(bytes)}`
  const n = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
  const word = (value: bigint): Buffer => Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
  const pair = (r: bigint, v: bigint): Buffer => Buffer.concat([word(r), word(v)])
  const jwkOf = (key: SigningKey): object => key.publicKey.export({ format: 'jwk' })
  const shortWindow = deflateRawSync(Buffer.from(text))
  const hmac = (secret: string | Buffer) => createSecretKey(Buffer.from(secret as string))
  const cases: Record<string, string> = {
    // CVE-2015-9235 and its relatives: which algorithm a token says it has.
    'alg twice, the right one last': raw('{"alg":"HS256","alg":"RS256","kid":"rsa-1"}'),
    'alg twice, the right one first': raw('{"alg":"RS256","alg":"none","kid":"rsa-1"}'),
    'alg twice, one escaped': raw('{"alg":"RS256","\\u0061lg":"none","kid":"rsa-1"}'),
    'alg in another key': raw('{"Alg":"RS256","alg":"rs256","kid":"rsa-1"}'),
    'alg escaped is what it is, and unsigned': `${b64('{"alg":"\\u006eone"}')}.${c}.`,
    'alg with a soft hyphen': `${b64('{"alg":"RS\u00ad256","kid":"rsa-1"}')}.${c}.${s}`,
    'alg full-width': `${b64('{"alg":"ＲＳ256","kid":"rsa-1"}')}.${c}.${s}`,
    'alg with a new line': `${b64('{"alg":"RS256\\n","kid":"rsa-1"}')}.${c}.${s}`,
    'alg a mapping with toString': `${b64('{"alg":{"toString":"RS256"},"kid":"rsa-1"}')}.${c}.${s}`,
    'alg a number': `${b64('{"alg":256,"kid":"rsa-1"}')}.${c}.${s}`,
    'alg empty': `${b64('{"alg":"","kid":"rsa-1"}')}.${c}.${s}`,
    'alg HMAC by another name': signed('{"alg":"HS384","kid":"rsa-1"}', claims(), hmac(JSON.stringify(jwkOf(rsa)))),
    'alg of encryption': `${b64('{"alg":"dir","enc":"A256GCM"}')}.${c}.${s}`,
    'alg RSA1_5': `${b64('{"alg":"RSA1_5","kid":"rsa-1"}')}.${c}.${s}`,
    'HS256 with the certificate of the key': signed('{"alg":"HS256"}', claims(), hmac(rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }))),
    'HS256 with the key as one line': signed('{"alg":"HS256"}', claims(), hmac(rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString().replaceAll('\n', ''))),
    'HS256 with the EC key': signed('{"alg":"HS256","kid":"ec-1"}', claims(), hmac(ec.publicKey.export({ type: 'spki', format: 'pem' }))),
    // CVE-2020-28042, CVE-2022-21449: what is no signature.
    'ES256 empty': es(Buffer.alloc(0)),
    'ES256 s is 0': es(pair(1n, 0n)),
    'ES256 r is 0': es(pair(0n, 1n)),
    'ES256 r is n': es(pair(n, 1n)),
    'ES256 r and s are 1': es(pair(1n, 1n)),
    'ES256 r is n - 1': es(pair(n - 1n, n - 1n)),
    'ES256 r is all ones': es(Buffer.alloc(64, 255)),
    'ES256 of 63 bytes': es(Buffer.alloc(63, 1)),
    'ES256 of 65 bytes': es(Buffer.alloc(65, 1)),
    'ES256 by the RSA key': `${b64({ alg: 'ES256', kid: 'rsa-1' })}.${c}.${s}`,
    'ES256K': `${b64({ alg: 'ES256K', kid: 'ec-1' })}.${c}.${b64(Buffer.alloc(64, 1))}`,
    'RS256 empty': `${h}.${c}.`,
    'RS256 of zeros': `${h}.${c}.${b64(Buffer.alloc(256))}`,
    'RS256 one': `${h}.${c}.${b64(Buffer.concat([Buffer.alloc(255), Buffer.from([1])]))}`,
    'RS256 with a zero before': `${h}.${c}.${b64(Buffer.concat([Buffer.alloc(1), Buffer.from(s, 'base64url')]))}`,
    'the signature of other data': `${h}.${c}.${signed(header, { ...claims(), sub: 'bob' }, rsa.privateKey).split('.')[2]!}`,
    // CVE-2018-0114, and where a key is said to be.
    'jwk with its private part': raw(JSON.stringify({ ...header, jwk: other.privateKey.export({ format: 'jwk' }) }), text, other.privateKey),
    'jwk oct': signed({ alg: 'HS256', jwk: { kty: 'oct', k: b64('secret') } }, claims(), hmac('secret')),
    'jwks in the header': raw(JSON.stringify({ ...header, jwks: { keys: [jwkOf(other)] } }), text, other.privateKey),
    'x5c that is a chain': raw(JSON.stringify({ ...header, x5c: [b64(Buffer.alloc(900))] }), text, other.privateKey),
    'x5t of another key': raw(JSON.stringify({ ...header, x5t: 'AAAA', 'x5t#S256': 'AAAA' }), text, other.privateKey),
    'iss of a file': signed(header, { ...claims(), iss: 'file:///etc/passwd' }, rsa.privateKey),
    // CVE-2018-1000531, CVE-2022-23529: a kid that is more than a name.
    'kid a mapping': raw('{"alg":"RS256","kid":{"$ne":null}}'),
    'kid a mapping with toString': raw('{"alg":"RS256","kid":{"toString":"rsa-1"}}'),
    'kid nested lists': raw('{"alg":"RS256","kid":[["rsa-1"]]}'),
    'kid true': raw('{"alg":"RS256","kid":true}'),
    'kid empty': raw('{"alg":"RS256","kid":""}'),
    'kid of 513 characters': raw(`{"alg":"RS256","kid":"${'k'.repeat(513)}"}`),
    'kid of 10,000 characters': raw(`{"alg":"RS256","kid":"${'k'.repeat(10_000)}"}`),
    'kid in another case': raw('{"alg":"RS256","kid":"RSA-1"}'),
    'kid with a space': raw('{"alg":"RS256","kid":"rsa-1 "}'),
    'kid with a null byte': raw('{"alg":"RS256","kid":"rsa-1\\u0000"}'),
    'kid constructor': raw('{"alg":"RS256","kid":"constructor"}'),
    'kid length': raw('{"alg":"RS256","kid":"length"}'),
    'kid 0, as a list is asked': raw('{"alg":"RS256","kid":"0"}'),
    'kid twice': raw('{"alg":"RS256","kid":"ec-1","kid":"rsa-1"}'),
    // RFC 7797, RFC 7515 §4.1.11 (CVE-2025-59420): what the header wants understood.
    'b64 true': headed('"b64":true'),
    'b64 false and critical': headed('"b64":false,"crit":["b64"]'),
    'an unencoded payload': (() => { const head = b64('{"alg":"RS256","kid":"rsa-1","b64":false,"crit":["b64"]}'); return `${head}.${text.replaceAll('.', '')}.${s}` })(),
    'crit of what nobody knows': headed('"crit":["bork"],"bork":true'),
    'crit a text': headed('"crit":"exp"'),
    'crit null': headed('"crit":null'),
    'zip twice named': headed('"zip":"DEF","Zip":"none"'),
    'zip with a compressed payload': (() => { const head = '{"alg":"RS256","kid":"rsa-1","zip":"DEF"}'; return `${b64(head)}.${b64(shortWindow)}.${s}` })(),
    'cty JWT': headed('"cty":"JWT"'),
    'cty jwt': headed('"cty":"jwt"'),
    'cty of JSON': headed('"cty":"application/json"'),
    // CVE-2024-21319, CVE-2024-33664, CVE-2023-51774: encrypted tokens, with bombs and with counts.
    'a JWE that is a bomb': ['{"alg":"dir","enc":"A128GCM","zip":"DEF"}', '', 'A'.repeat(12), deflateRawSync(Buffer.alloc(1e6)), 'A'.repeat(16)].map((part) => b64(part)).join('.'),
    'a JWE of PBES2 with a count': ['{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA"}', 'A', 'A', 'A', 'A'].map((part) => b64(part)).join('.'),
    'a JWS that says p2c': headed('"enc":"A128GCM","p2c":2000000000'),
    'a JWS of several': JSON.stringify({ payload: c, signatures: [{ protected: h, signature: s }] }),
    // RFC 8725 §3.11: another kind of token of the same issuer.
    'typ of an event': headed('"typ":"secevent+jwt"'),
    'typ of a key': headed('"typ":"jwk+json"'),
    'typ of a proof': headed('"typ":"kb+jwt"'),
    'typ of a request': headed('"typ":"oauth-authz-req+jwt"'),
    'typ of an introspection': headed('"typ":"token-introspection+jwt"'),
    'typ of a JWS': headed('"typ":"JOSE"'),
    'typ JSON': headed('"typ":"JOSE+JSON"'),
    'typ null': headed('"typ":null'),
    'typ a list': headed('"typ":["JWT"]'),
    'typ empty': headed('"typ":""'),
    'typ with a parameter': headed('"typ":"JWT;v=1"'),
    // Base64url that is not what an encoder writes.
    'the header padded': `${h}=.${c}.${s}`,
    'the claims padded': `${h}.${c}=.${s}`,
    'the header in the other alphabet': `${Buffer.from('{"alg":"RS256","kid":"rsa-1","x":"???>>>"}').toString('base64')}.${c}.${s}`,
    'the claims with a new line': `${h}.${c.slice(0, 8)}\n${c.slice(8)}.${s}`,
    'the claims with a space': `${h}.${c.slice(0, 8)} ${c.slice(8)}.${s}`,
    'a space before': `${h} .${c}.${s}`,
    'a character beyond': `${h}.${c}.${s}\u00e9`,
    'a dot before': `.${good}`,
    'a dot behind': `${good}.`,
    'percent signs': `${h}.${c}.${s.slice(0, -1)}%41`,
    'a length of 1 mod 4': `${h}.${c}.${s}A`,
    // Times.
    'exp 1e400': spelled(/"exp":\d+/, '"exp":1e400'),
    'exp -1e400': spelled(/"exp":\d+/, '"exp":-1e400'),
    'exp 0': saying({ exp: 0 }),
    'exp -0': spelled(/"exp":\d+/, '"exp":-0'),
    'exp true': saying({ exp: true }),
    'exp a text of a number': saying({ exp: `${now() + 600}` }),
    'exp a text in hex': saying({ exp: '0xffffffffff' }),
    'exp a mapping': saying({ exp: { value: now() + 600 } }),
    'exp a float that is over': saying({ exp: now() - 60.5 }),
    'exp in milliseconds that are over': saying({ exp: 1 }),
    'exp twice': spelled(/"exp":\d+/, `"exp":1,"exp":${now() + 600}`),
    'nbf 1e400': spelled('"sub"', '"nbf":1e400,"sub"'),
    'nbf a text of a number': saying({ nbf: `${now() - 10}` }),
    'nbf negative': saying({ nbf: -1 }),
    'nbf null': saying({ nbf: null }),
    'nbf a list': saying({ nbf: [0] }),
    'nbf false': saying({ nbf: false }),
    'nbf a float to come': saying({ nbf: now() + 60.5 }),
    'iat a text': saying({ iat: '0' }),
    'iat negative': saying({ iat: -1 }),
    'iat far in the future': saying({ iat: now() + 1e9 }),
    'iat 1e400': spelled('"sub"', '"iat":1e400,"sub"'),
    // For whom and from whom.
    'aud nested': saying({ aud: [['api'], 'web'] }),
    'aud with a null': saying({ aud: ['api', null] }),
    'aud with a number': saying({ aud: ['api', 1] }),
    'aud null': saying({ aud: null }),
    'aud true': saying({ aud: true }),
    'aud a mapping like a list': saying({ aud: { 0: 'api', length: 1 } }),
    'aud with commas': saying({ aud: 'web,api' }),
    'aud with spaces': saying({ aud: 'web api' }),
    'aud with a space behind': saying({ aud: 'api ' }),
    'aud a wildcard': saying({ aud: '*' }),
    'aud empty text': saying({ aud: '' }),
    'aud a prefix': saying({ aud: 'api/admin' }),
    'aud twice': spelled('"aud":"api"', '"aud":"web","aud":"api"'),
    'iss with a slash': saying({ iss: `${issuer}/` }),
    'iss in another case': saying({ iss: issuer.toUpperCase() }),
    'iss without its scheme': saying({ iss: 'idp.example' }),
    'iss with a port': saying({ iss: `${issuer}:443` }),
    'iss by http': saying({ iss: issuer.replace('https', 'http') }),
    'iss that begins like it': saying({ iss: `${issuer}.evil.example` }),
    'iss with a user': saying({ iss: 'https://idp.example@evil.example' }),
    'iss a mapping': saying({ iss: { toString: issuer } }),
    'iss null': saying({ iss: null }),
    'iss twice': spelled(`"iss":"${issuer}"`, `"iss":"https://evil.example","iss":"${issuer}"`),
    // Names of the language.
    'sub of the prototype': spelled('"sub":"alice"', '"__proto__":{"sub":"alice"}'),
    'sub of the constructor': spelled('"sub":"alice"', '"constructor":{"prototype":{"sub":"alice"}}'),
    'exp of the prototype': spelled(/,"exp":\d+/, `,"__proto__":{"exp":${now() + 600}}`),
    'iss of the prototype': spelled(`"iss":"${issuer}",`, `"__proto__":{"iss":"${issuer}"},`),
    'alg of the prototype': raw('{"__proto__":{"alg":"RS256"},"kid":"rsa-1"}'),
    'sub a list': saying({ sub: ['alice'] }),
    'sub a mapping': saying({ sub: { name: 'alice' } }),
    'sub twice inside': spelled('"sub"', '"act":{"sub":"a","sub":"b"},"sub"'),
    'a million brackets': raw(JSON.stringify(header), `${'['.repeat(6_000)}${']'.repeat(6_000)}`),
    'a number of 10,000 digits': spelled(/"exp":\d+/, `"exp":${'9'.repeat(10_000)}`)
  } // prettier-ignore
  t.ok(Object.keys(cases).length > 120)
  t.equal(said(jwt.check(bearer(good))), 'alice', 'it is not that nothing passes')
  for (const [name, token] of Object.entries(cases)) {
    let answer: Answer | undefined
    t.doesNotThrow(() => (answer = jwt.check(bearer(token))), name)
    t.equal(answer?.kind, 'denied', `${name}: ${said(answer)}`)
  }
  const two = exchangeOf(`Authorization: Bearer ${good}\r\nAuthorization: Bearer ${good}\r\n`)
  t.equal(jwt.check(two)?.kind, 'denied', 'two fields')
  t.end()
})

t.test('what is odd and right is taken as it is meant', (t) => {
  const jwt = withKeys(t, [jwk(rsa)], { roles: 'realm.roles' })
  const text = JSON.stringify(claims())
  const identity = (more: object | string): unknown => {
    const body = typeof more === 'string' ? more : { ...claims(), ...more }
    const answer = jwt.check(bearer(signed(header, body, rsa.privateKey)))
    return answer?.kind === 'proven' ? answer.identity : said(answer)
  }
  const rolesOf = (roles: unknown) => (identity({ realm: { roles } }) as { roles: unknown }).roles
  t.match(identity({ exp: now() + 0.5 }), { name: 'alice' }, 'times have fractions')
  t.match(identity({ nbf: 0, iat: now() - 1e9 }), { name: 'alice' })
  t.match(identity(` ${text.replaceAll(',', ' ,\n')} `), { name: 'alice' }, 'JSON may have spaces')
  t.match(identity(text.replace('alice', '\\u0061lice')), { name: 'alice' })
  t.match(identity({ aud: ['web', 'api', 'api'] }), { name: 'alice' })
  t.strictSame(rolesOf(['admin', 'two words']), ['admin', 'two words'], 'an item of a list is one role')
  t.strictSame(rolesOf('admin  ops'), ['admin', 'ops'])
  t.strictSame(
    rolesOf('read\u00a0admin\tops'),
    ['read\u00a0admin\tops'],
    'only a space parts words (RFC 6749 §3.3)'
  )
  t.strictSame(rolesOf([1, true, null, ['admin'], { admin: true }]), ['1', 'true'])
  for (const none of [1, true, null, { admin: true }, [], ['']])
    t.notOk((rolesOf(none) as string[]).includes('admin'))
  // Only mappings are gone through, and only by their own keys.
  t.strictSame((identity({ realm: [{ roles: ['admin'] }] }) as { roles: unknown }).roles, [])
  t.strictSame((identity({ 'realm.roles': ['own'], realm: { roles: ['x'] } }) as { roles: unknown }).roles, [
    'own'
  ])
  t.strictSame(
    (identity(text.replace('{', '{"__proto__":{"realm":{"roles":["admin"]}},')) as { roles: unknown }).roles,
    []
  )
  const path = withKeys(t, [jwk(rsa)], { roles: 'constructor.name' })
  t.match(path.check(bearer(signed(header, claims(), rsa.privateKey))), {
    kind: 'proven',
    identity: { roles: [] }
  })
  t.end()
})

t.test('only those keys of an issuer count that no one else can sign with', (t) => {
  const keysOf = (...keys: unknown[]) => readKeySet(JSON.stringify({ keys: [jwk(rsa), ...keys] })).length - 1
  t.equal(keysOf(other.privateKey.export({ format: 'jwk' })), 0, 'a private key that stands in a public list')
  t.equal(keysOf({ kty: 'oct', k: b64('secret') }), 0)
  t.equal(keysOf({ kty: ['oct'], k: b64('secret') }, { kty: 'oct\0', k: 'AAAA' }), 0)
  t.equal(keysOf(jwk(other, { use: 'enc' }), jwk(other, { use: 1 }), jwk(other, { use: null })), 0)
  t.equal(keysOf(jwk(other, { key_ops: ['encrypt'] }), jwk(other, { key_ops: [] })), 0)
  t.equal(keysOf(jwk(other, { key_ops: ['verify'], use: undefined })), 1)
  t.equal(
    keysOf(
      null,
      1,
      'x',
      [],
      {},
      { kty: 'RSA' },
      { kty: 'RSA', n: 'AQAB', e: {} },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }
    ),
    0
  )
  const off = ec.publicKey.export({ format: 'jwk' })
  t.equal(keysOf({ ...off, y: off.x }), 0, 'a point that is not on its curve')
  t.equal(keysOf({ ...off, crv: 'P-384' }), 0)
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '{"keys":{}}',
    '{"keys":[]}',
    `{"keys":"${'x'.repeat(100)}"}`,
    '{"keys":[{"kty":"oct","k":"AA"}]}'
  ])
    t.throws(() => readKeySet(text), text.slice(0, 30))
  const many = Array.from({ length: 1_025 }, () => jwk(rsa))
  t.throws(() => readKeySet(JSON.stringify({ keys: many })), /more than 1024 keys/)
  t.end()
})

t.test('an RSA key with the exponent 1, or an even one, proves nothing', (t) => {
  const { n } = rsa.publicKey.export({ format: 'jwk' })
  const of = (e: string) => readKeySet(JSON.stringify({ keys: [jwk(ec), { kty: 'RSA', kid: 'weak', n, e }] }))
  for (const e of ['AQ', 'Ag', 'AQAA'])
    for (const alg of ['RS256', 'PS256'] as const) t.same(candidates(of(e), alg, 'weak'), [], `${alg} ${e}`)
  t.equal(candidates(of('AQAB'), 'RS256', 'weak').length, 1)
  t.end()
})

t.test('keys of one name, and a thousand of them, are all tried or found', (t) => {
  // One name twice, as an issuer has it that makes names by date.
  const twice = withKeys(t, [jwk(other), jwk(rsa), jwk({ ...ec, kid: 'rsa-1' })])
  t.equal(said(twice.check(bearer(signed(header, claims(), rsa.privateKey)))), 'alice')
  t.equal(said(twice.check(bearer(signed(header, claims(), other.privateKey)))), 'alice')
  t.equal(said(twice.check(bearer(signed({ alg: 'ES256', kid: 'rsa-1' }, claims(), ec.privateKey)))), 'alice')
  const keys = Array.from({ length: 1_000 }, (_, i): SigningKey => ({
    kid: `k${i}`,
    ...generateKeyPairSync('ec', { namedCurve: 'P-256' })
  }))
  const text = JSON.stringify({ keys: keys.map((key) => jwk(key)) })
  const jwt = withKeys(
    t,
    keys.map((key) => jwk(key))
  )
  for (const at of [0, 500, 999]) {
    const key = keys[at]!
    t.equal(
      said(jwt.check(bearer(signed({ alg: 'ES256', kid: key.kid }, claims(), key.privateKey)))),
      'alice',
      key.kid
    )
  }
  const first = readKeySet(text)
  const again = replaceKeys(first, readKeySet(text, first))
  t.ok(
    again.every((key, i) => key === first[i]),
    'what has not changed is not made anew'
  )
  const fewer = replaceKeys(
    first,
    readKeySet(JSON.stringify({ keys: keys.slice(1).map((key) => jwk(key)) }), first)
  )
  t.equal(fewer.length, 999)
  t.ok(first[0]!.revoked)
  t.notOk(first[1]!.revoked)
  t.end()
})

t.test(
  'an issuer that sends elsewhere, too much, or nothing costs its own tokens only',
  { timeout: 120_000 },
  async (t) => {
    let answer: RequestListener = () => {}
    let asked = 0
    const paths: string[] = []
    const server = createServer((request, response) => {
      asked++
      paths.push(request.url!)
      answer(request, response)
    }).listen(0, '127.0.0.1')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const keys = JSON.stringify({ keys: [jwk(rsa)] })
    const ask = async (log = memoryLogger()): Promise<{ said: string; reason: unknown }> => {
      const input = jwtSchema.parse({ issuer, audience: 'api', jwks: `${url}/jwks`, timeout: '1s' })
      const jwt = new Jwt(input, { realm: 'web', clock: new FakeClock(clock.now()), log, dry: false })
      const found = jwt.check(bearer(signed(header, claims(), rsa.privateKey)))
      const last =
        found?.kind === 'pending'
          ? await new Promise<Answer | undefined>((resolve) => void found.start(resolve))
          : found
      return {
        said: said(last),
        reason: log.lines
          .map((line) => (line as { fields?: { reason?: string } }).fields?.reason ?? JSON.stringify(line))
          .join()
      }
    }
    answer = (_, response) => response.end(keys)
    t.equal((await ask()).said, 'alice')
    const refusals: readonly (readonly [string, RequestListener, RegExp])[] = [
    ['redirects', (_, response) => response.writeHead(302, { location: `${url}/elsewhere` }).end(keys), /status 302/],
    ['10 MB', (_, response) => response.end(`{"keys":[],"x":"${'x'.repeat(10e6)}"}`), /too large/],
    ['10 MB that do not end', (_, response) => {
      const more = () => {
        while (response.write('x'.repeat(65_536)));
        response.once('drain', more)
      }
      more()
    }, /too large/],
    ['nothing', () => {}, /timeout|aborted/i],
    ['a byte a time', (_, response) => void response.write('{'), /timeout|aborted/i],
    ['another type', (_, response) => response.end('<html>'), /./],
    ['an error with keys', (_, response) => response.writeHead(500).end(keys), /status 500/],
    ['compressed', (_, response) => response.writeHead(200, { 'content-encoding': 'deflate' }).end(deflateRawSync(keys)), /./]
  ] // prettier-ignore
    for (const [name, listener, why] of refusals) {
      answer = listener
      const found = await ask()
      t.match(found.said, /keys of the issuer could not be fetched/, name)
      t.match(found.reason, why, name)
    }
    t.notOk(paths.includes('/elsewhere'))
    t.ok(asked < 40, 'and is not asked again and again')
  }
)
