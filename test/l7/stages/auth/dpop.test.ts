import { createHash, createSecretKey, type KeyObject, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../../../free-port.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { spawnLb } from '../../../e2e/process.ts'
import type { Exchange } from '../../../../src/l7/exchange/exchange.ts'
import { Dpop } from '../../../../src/l7/stages/auth/jwt/dpop/dpop.ts'
import { dpopSchema } from '../../../../src/l7/stages/auth/jwt/dpop/keys.ts'
import { Nonces } from '../../../../src/l7/stages/auth/jwt/dpop/nonces.ts'
import { Replays } from '../../../../src/l7/stages/auth/jwt/dpop/replays.ts'
import { thumbprint } from '../../../../src/l7/stages/auth/jwt/dpop/thumbprint.ts'
import { authLab, type Answer } from './auth-lab.ts'
import { b64, ecKey, edKey, jwk, rsaKey, type SigningKey, signed, startIssuer } from './issuer.ts'

const issuer = rsaKey('rsa-1')
const mine = ecKey('mine')
const theirs = ecKey('theirs')
const now = (): number => Math.floor(Date.now() / 1000)

const publicOf = ({ publicKey }: SigningKey) => publicKey.export({ format: 'jwk' }) as Record<string, unknown>
const jktOf = (key: SigningKey): string => thumbprint(publicOf(key))!

function token(cnf?: unknown): string {
  const claims = { iss: 'https://idp.example', aud: 'api', sub: 'alice', exp: now() + 600 }
  return signed({ alg: 'RS256', kid: 'rsa-1' }, cnf === undefined ? claims : { ...claims, cnf }, issuer.privateKey)
} // prettier-ignore

interface Wish {
  readonly header?: object
  readonly claims?: object
  readonly key?: KeyObject
}

const athOf = (of: string): string => createHash('sha256').update(of).digest('base64url')

/** A proof for GET / of the lab, or what `wish` makes of it. */
function proof(of: string, { header = {}, claims = {}, key = mine.privateKey }: Wish = {}): string {
  const body = { jti: randomUUID(), htm: 'GET', htu: 'http://example.test/', iat: now(), ath: athOf(of) }
  return signed(
    { typ: 'dpop+jwt', alg: 'ES256', jwk: publicOf(mine), ...header },
    { ...body, ...claims },
    key
  )
}

const shown = (of: string, proven: string): string => `Authorization: DPoP ${of}\r\nDPoP: ${proven}\r\n`

function keySet(t: Test): string {
  return `file:${join(t.testdir({ 'jwks.json': JSON.stringify({ keys: [jwk(issuer)] }) }), 'jwks.json')}`
}

function lab(t: Test, dpop: unknown = {}, more: object = {}) {
  const jwt = { issuer: 'https://idp.example', audience: 'api', jwks: keySet(t), dpop }
  return authLab(t, { auth: { methods: [{ jwt }], guesses: false }, identity: { header: 'x-user' }, ...more })
}

const challengeOf = ({ text }: Answer): string => /www-authenticate: (.*)\r/i.exec(text)?.[1] ?? 'none'

t.test('a token that is bound to a key is worth something with a proof of this request only', async (t) => {
  const { ask } = await lab(t)
  const bound = token({ jkt: jktOf(mine) })
  const fine = await ask(shown(bound, proof(bound)))
  t.match(fine, { status: 200, head: /x-user: alice/i })
  t.equal((await ask(shown(bound, proof(bound)))).status, 200, 'a proof of its own for the second request')
  const others: Record<string, string> = {
    'query and fragment do not count': proof(bound, { claims: { htu: 'HTTP://EXAMPLE.test:80/?a=b#c' } }),
    'dot segments and needless encodings do not count': proof(bound, { claims: { htu: 'http://example.test/a/%2e%2e' } }),
    'a little early': proof(bound, { claims: { iat: now() + 30 } }),
    'a little late': proof(bound, { claims: { iat: now() - 30 } }),
    'a fraction of a second': proof(bound, { claims: { iat: now() - 0.5 } })
  } // prettier-ignore
  for (const [name, each] of Object.entries(others))
    t.equal((await ask(shown(bound, each))).status, 200, name)

  const wish = (wished: Wish): string => proof(bound, wished)
  const own = mine.privateKey.export({ format: 'jwk' }) as object
  const rsa = rsaKey('weak', 1024)
  const ed = edKey('ed')
  const used = proof(bound)
  await ask(shown(bound, used))
  const wrong: Record<string, string> = {
    'shown before': used,
    'by another key': wish({ header: { jwk: publicOf(theirs) }, key: theirs.privateKey }),
    "another key's signature": wish({ key: theirs.privateKey }),
    'another typ': wish({ header: { typ: 'JWT' } }),
    'typ missing': wish({ header: { typ: undefined } }),
    'typ in another case': wish({ header: { typ: 'DPoP+JWT' } }),
    'alg none': `${b64({ typ: 'dpop+jwt', alg: 'none', jwk: publicOf(mine) })}.${proof(bound).split('.')[1]}.`,
    'alg of a shared secret': wish({ header: { alg: 'HS256' }, key: createSecretKey(Buffer.from(JSON.stringify(publicOf(mine)))) }),
    'alg of another key': wish({ header: { alg: 'RS256' } }),
    'alg that is not allowed': wish({ header: { alg: 'ES384' } }),
    'with the private key in it': wish({ header: { jwk: own } }),
    'jwk missing': wish({ header: { jwk: undefined } }),
    'jwk a list': wish({ header: { jwk: [publicOf(mine)] } }),
    'jwk oct': wish({ header: { jwk: { kty: 'oct', k: 'AAAA' } } }),
    'jwk of a point that is none': wish({ header: { jwk: { ...publicOf(mine), x: 'AAAA' } } }),
    'jwk a mapping in x': wish({ header: { jwk: { ...publicOf(mine), x: { toString: 1 } } } }),
    'jwk of a weak key': wish({ header: { alg: 'RS256', jwk: publicOf(rsa) }, key: rsa.privateKey }),
    'jwk of Ed25519': wish({ header: { alg: 'EdDSA', jwk: publicOf(ed) }, key: ed.privateKey }),
    'kid in place of jwk': wish({ header: { jwk: undefined, kid: 'mine' } }),
    'crit': wish({ header: { crit: ['exp'] } }),
    'htm of another method': wish({ claims: { htm: 'POST' } }),
    'htm in lower case': wish({ claims: { htm: 'get' } }),
    'htm missing': wish({ claims: { htm: undefined } }),
    'htu of another path': wish({ claims: { htu: 'http://example.test/other' } }),
    'htu of another host': wish({ claims: { htu: 'http://evil.test/' } }),
    'htu of a host that begins so': wish({ claims: { htu: 'http://example.test.evil.test/' } }),
    'htu with a user': wish({ claims: { htu: 'http://example.test@evil.test/' } }),
    'htu with this user': wish({ claims: { htu: 'http://a@example.test/' } }),
    'htu of another scheme': wish({ claims: { htu: 'https://example.test/' } }),
    'htu of another port': wish({ claims: { htu: 'http://example.test:81/' } }),
    'htu a path': wish({ claims: { htu: '/' } }),
    'htu missing': wish({ claims: { htu: undefined } }),
    'htu a list': wish({ claims: { htu: ['http://example.test/'] } }),
    'iat too old': wish({ claims: { iat: now() - 3600 } }),
    'iat too far ahead': wish({ claims: { iat: now() + 3600 } }),
    'iat missing': wish({ claims: { iat: undefined } }),
    'iat a text': wish({ claims: { iat: String(now()) } }),
    'jti missing': wish({ claims: { jti: undefined } }),
    'jti empty': wish({ claims: { jti: '' } }),
    'jti a number': wish({ claims: { jti: 1 } }),
    'jti long': wish({ claims: { jti: 'j'.repeat(257) } }),
    'ath missing': wish({ claims: { ath: undefined } }),
    'ath of another token': wish({ claims: { ath: athOf('other') } }),
    'ath with padding': wish({ claims: { ath: `${athOf(bound)}=` } }),
    'htm twice': signed({ typ: 'dpop+jwt', alg: 'ES256', jwk: publicOf(mine) }, `{"jti":"a","htm":"POST","htm":"GET","htu":"http://example.test/","iat":${now()},"ath":"${athOf(bound)}"}`, mine.privateKey),
    'two proofs': `${proof(bound)}, ${proof(bound)}`,
    'two fields': `${proof(bound)}\r\nDPoP: ${proof(bound)}`,
    'long': 'a'.repeat(9000),
    'empty': '',
    'no JWT': 'proof'
  } // prettier-ignore
  for (const [name, each] of Object.entries(wrong)) {
    const answer = await ask(shown(bound, each))
    t.match([answer.status, answer.head, challengeOf(answer)], [401, undefined, /^DPoP realm="web", error="invalid_dpop_proof", algs="ES256 PS256 RS256 EdDSA Ed25519"$/], name) // prettier-ignore
  }
  const missing = await ask(`Authorization: DPoP ${bound}\r\n`)
  t.match([missing.status, challengeOf(missing)], [401, /error="invalid_dpop_proof"/])
})

t.test('a token cannot lose what binds it, and one that is not bound needs no proof', async (t) => {
  const { ask } = await lab(t)
  const bound = token({ jkt: jktOf(mine) })
  const bearer = await ask(`Authorization: Bearer ${bound}\r\nDPoP: ${proof(bound)}\r\n`)
  t.match([bearer.status, challengeOf(bearer)], [401, /^DPoP realm="web", error="invalid_token"/])
  const free = token()
  t.equal((await ask(`Authorization: Bearer ${free}\r\n`)).status, 200)
  t.equal((await ask(shown(free, proof(free)))).status, 401, 'RFC 9449 §7.1')
  for (const cnf of [null, {}, [], 'x', { jkt: 1 }, { kid: 'a' }, { jwk: publicOf(mine) }, { 'x5t#S256': 'AAAA' }]) {
    const odd = token(cnf)
    for (const scheme of ['Bearer', 'DPoP'])
      t.equal((await ask(`Authorization: ${scheme} ${odd}\r\nDPoP: ${proof(odd)}\r\n`)).status, 401, JSON.stringify(cnf))
  } // prettier-ignore
  const nothing = await ask()
  t.equal(challengeOf(nothing), 'Bearer realm="web"', 'whoever needs no proof is not asked for one')
})

t.test('proofs can be required, be for another origin, or not be looked at', async (t) => {
  const bound = token({ jkt: jktOf(mine) })
  const required = await lab(t, { required: true, origin: 'https://API.example:443' }, { identity: { header: 'x-user', strip: true } }) // prettier-ignore
  t.match(challengeOf(await required.ask()), /^DPoP realm="web", algs="/)
  t.equal((await required.ask(`Authorization: Bearer ${token()}\r\n`)).status, 401)
  t.equal((await required.ask(shown(bound, proof(bound)))).status, 401, 'of the host here')
  const fine = await required.ask(shown(bound, proof(bound, { claims: { htu: 'https://api.example/' } })))
  t.equal(fine.status, 200)
  t.notMatch(fine.head, /dpop/i, 'stripped with the token')
  const off = await lab(t, false)
  t.equal((await off.ask(`Authorization: Bearer ${bound}\r\n`)).status, 200)
})

const nonceOf = ({ text }: Answer): string | undefined => /^dpop-nonce: ([\w-]{22})\r$/im.exec(text)?.[1]

t.test('where a nonce is wanted, a proof that was made before it is worth nothing', async (t) => {
  const guesses = { requests: 2, per: '1m' }
  const listener = { auth: { methods: [{ jwt: { issuer: 'https://idp.example', audience: 'api', jwks: keySet(t), dpop: { nonce: '24h' } } }], guesses } } // prettier-ignore
  const { ask, lab } = await authLab(t, listener)
  const bound = token({ jkt: jktOf(mine) })
  const withNonce = (nonce: unknown, wished: Wish = {}): string =>
    shown(bound, proof(bound, { ...wished, claims: { ...wished.claims, nonce } }))
  const first = await ask(withNonce(undefined))
  t.match([first.status, first.head, challengeOf(first)], [401, undefined, /^DPoP realm="web", error="use_dpop_nonce", algs="/]) // prettier-ignore
  const nonce = nonceOf(first)!
  t.ok(nonce)
  const fine = await ask(withNonce(nonce))
  t.match([fine.status, nonceOf(fine)], [200, undefined])
  t.equal((await ask(withNonce(nonce))).status, 200, 'as often as one likes, in a proof of its own each')
  for (const other of ['', 'x', `${nonce}A`, nonce.toLowerCase(), 1, null, [nonce], { nonce }]) {
    const answer = await ask(withNonce(other))
    t.match([answer.status, challengeOf(answer)], [401, /error="use_dpop_nonce"/], JSON.stringify(other))
    t.equal(nonceOf(answer), nonce)
  }
  const forged = await ask(withNonce(nonce, { key: theirs.privateKey }))
  t.match([forged.status, challengeOf(forged)], [401, /error="invalid_dpop_proof"/])
  t.equal(nonceOf(forged), undefined)
  t.equal((await ask(withNonce(nonce))).status, 200, 'to ask for one is no guess')
  const lines = lab.log.lines.filter(({ message }) => message === 'access refused')
  t.strictSame(lines.length, 1, 'and nothing for the log')
  t.equal((await ask(`Authorization: Bearer ${token()}\r\n`)).status, 200, 'tokens without a key need none')
})

t.test('nonces change with time, and instances with the same secret know them', async (t) => {
  const key = Buffer.from(new Uint8Array(Nonces.allocateKey()))
  const nonces = new Nonces(60_000, key)
  const first = nonces.current(0)
  t.equal(nonces.current(59_999), first)
  t.equal(nonces.age(first, 59_999), 'fresh')
  const second = nonces.current(60_000)
  t.not(second, first)
  t.strictSame([first, second, undefined, 'x'].map((each) => nonces.age(each, 119_999)), ['old', 'fresh', undefined, undefined]) // prettier-ignore
  t.equal(nonces.age(first, 120_000), undefined)
  t.equal(nonces.age(second, 30_000), 'fresh', 'from a clock that is ahead')
  t.equal(new Nonces(60_000, key).age(second, 60_000), 'fresh', 'of another thread')
  t.equal(new Nonces(60_000, Buffer.alloc(32)).age(second, 60_000), undefined)

  const clock = new FakeClock()
  const memory = { proofs: Replays.allocate(1024), nonceKey: Nonces.allocateKey() }
  const dpop = new Dpop(dpopSchema.parse({ nonce: '60s', window: '10m' }), clock, 'web', memory)
  const lines: string[] = []
  const bound = token({ jkt: jktOf(mine) })
  const identity = { name: 'alice', roles: [], claims: { cnf: { jkt: jktOf(mine) } }, by: 'jwt' }
  const proven = { kind: 'proven' as const, identity, beyondGuessing: true, lastClient: '' }
  const hold = (nonce?: string) => {
    const iat = clock.wall() / 1000
    const field = proof(bound, { claims: { nonce, iat } })
    const request = { method: 'GET', host: 'example.test', headers: { get: () => field } }
    const snapshot = { config: { paths: {} } }
    const exchange = {
      request,
      snapshot,
      scheme: 'http',
      path: '/',
      addResponseLines: (line: string) => lines.push(line)
    }
    return dpop.hold(exchange as unknown as Exchange, bound, 'DPoP', proven)
  }
  const asked = hold() as { error?: string; fields?: string }
  t.match(asked, { error: 'use_dpop_nonce', reason: /without a nonce/ })
  const given = asked.fields!.slice('DPoP-Nonce: '.length, -2)
  t.equal(hold(given).kind, 'proven')
  t.strictSame(lines, [])
  clock.advance(60_000)
  t.equal(hold(given).kind, 'proven', 'the one before')
  t.match(lines, [/^DPoP-Nonce: [\w-]{22}\r\nCache-Control: no-store\r\n$/], 'and the next one comes along')
  t.notMatch(lines[0], given)
  clock.advance(60_000)
  t.match(hold(given), { error: 'use_dpop_nonce' })

  const nonceSecret = 's'.repeat(32)
  const [one, two, other] = [
    await lab(t, { nonce: '24h', nonceSecret }),
    await lab(t, { nonce: '24h', nonceSecret }),
    await lab(t, { nonce: '24h' })
  ]
  const nonce = nonceOf(await one.ask(shown(bound, proof(bound))))
  const asks = [two, other].map(({ ask }) => ask(shown(bound, proof(bound, { claims: { nonce } }))))
  t.strictSame((await Promise.all(asks)).map(({ status }) => status), [200, 401]) // prettier-ignore
})

t.test('a token that is bound to a certificate is worth something on its connection only', (t) => {
  const dpop = new Dpop(dpopSchema.parse({}), new FakeClock(), 'web', undefined)
  const fingerprint = 'ab'.repeat(32)
  const claims = { cnf: { 'x5t#S256': Buffer.from(fingerprint, 'hex').toString('base64url') } }
  const identity = { name: 'alice', roles: [], claims, by: 'jwt' }
  const proven = { kind: 'proven' as const, identity, beyondGuessing: true, lastClient: '' }
  const over = (print?: string): Exchange =>
    ({ tls: print === undefined ? undefined : { clientCertificate: { fingerprint: print } } }) as Exchange
  t.equal(dpop.hold(over(fingerprint), 'token', 'Bearer', proven).kind, 'proven')
  t.equal(dpop.hold(over('cd'.repeat(32)), 'token', 'Bearer', proven).kind, 'denied')
  t.equal(dpop.hold(over(), 'token', 'Bearer', proven).kind, 'denied')
  t.end()
})

t.test('a proof is remembered as long as it is valid, and refused when the memory is full', (t) => {
  const clock = new FakeClock()
  const replays = new Replays(60_000, Replays.allocate(8), clock)
  t.equal(replays.take('key', 'a'), 'new')
  t.equal(replays.take('key', 'a'), 'seen')
  t.equal(replays.take('other', 'a'), 'new', 'ids are those of a key')
  clock.advance(120_000)
  t.equal(replays.take('key', 'a'), 'seen')
  clock.advance(2000)
  t.equal(replays.take('key', 'a'), 'new')
  const said = Array.from({ length: 9 }, (_, index) => replays.take('key', `b${index}`))
  t.strictSame([said.includes('full'), said.includes('seen')], [true, false])
  t.equal(replays.take('key', 'a'), 'seen', 'nobody is forgotten for others')
  t.end()
})

t.test('a proof that is shown to two workers at once is let in once', async (t) => {
  const { jwks, close } = await startIssuer([jwk(issuer)])
  t.teardown(close)
  const port = await freePort()
  const bound = token({ jkt: jktOf(mine) })
  const lb = spawnLb(t, `
workers: 2
listeners:
  - bind: 127.0.0.1:${port}
    mode: l7
    auth: [{ jwt: { issuer: 'https://idp.example', audience: api, jwks: '${jwks}', dpop: { nonce: 24h } } }]
    routes: [{ match: {}, respond: { status: 200, body: fine } }]
`) // prettier-ignore
  await lb.says('lb runs with')
  const htu = `http://127.0.0.1:${port}/`
  const unaware = { authorization: `DPoP ${bound}`, dpop: proof(bound, { claims: { htu } }) }
  const nonce = (await fetch(htu, { headers: unaware })).headers.get('dpop-nonce')
  for (let round = 0; round < 5; round++) {
    const dpop = proof(bound, { claims: { htu, nonce } })
    const headers = { authorization: `DPoP ${bound}`, dpop, connection: 'close' }
    const tries = Array.from({ length: 12 }, () => fetch(`http://127.0.0.1:${port}/`, { headers }))
    const statuses = (await Promise.all(tries)).map(({ status }) => status).sort()
    t.strictSame(statuses, [200, ...Array<number>(11).fill(401)])
  }
})
