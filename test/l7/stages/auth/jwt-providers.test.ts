import { generateKeyPairSync, sign } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Exchange } from '../../../../src/l7/exchange/exchange.ts'
import { HeaderBlock } from '../../../../src/l7/message/header-block.ts'
import type { Answer } from '../../../../src/l7/stages/auth/auth-method.ts'
import { claimAt } from '../../../../src/l7/stages/auth/claims.ts'
import { Jwt } from '../../../../src/l7/stages/auth/jwt/jwt.ts'
import { RemoteKeys } from '../../../../src/l7/stages/auth/jwt/key-source.ts'
import { jwtSchema } from '../../../../src/l7/stages/auth/jwt/keys.ts'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { memoryLogger } from '../../../fakes/memory-logger.ts'
import { b64, edKey, jwk, rsaKey, signed, startIssuer } from './issuer.ts'

const issuer = 'https://idp.example'
const clock = new FakeClock()
const rsa = rsaKey('rsa-1')
const ed = edKey('ed-1')
const ed448 = { kid: 'ed448', ...generateKeyPairSync('ed448') }
const exp = Math.floor(clock.wall() / 1000) + 600
const claims = { iss: issuer, aud: 'api', sub: 'alice', exp }

function withKeys(t: Test, keys: readonly object[], more: object = {}) {
  const file = join(t.testdir({ 'jwks.json': JSON.stringify({ keys }) }), 'jwks.json')
  const input = jwtSchema.parse({ issuer, audience: 'api', jwks: `file:${file}`, ...more })
  const jwt = new Jwt(input, { realm: 'web', clock, log: memoryLogger(), dry: false })
  return (token: string): string => {
    const headers = new HeaderBlock(`Authorization: Bearer ${token}\r\n`)
    const answer: Answer | undefined = jwt.check({ request: { headers } } as unknown as Exchange)
    return answer?.kind === 'proven' ? 'proven' : answer?.kind === 'denied' ? answer.reason : String(answer)
  }
}

t.test('Ed25519 and EdDSA are two names of one signature', (t) => {
  const token = (alg: string, kid = 'ed-1', key = ed.privateKey): string => {
    const data = `${b64({ alg, kid })}.${b64(claims)}`
    return `${data}.${sign(null, Buffer.from(data), key).toString('base64url')}`
  }
  for (const alg of [undefined, 'EdDSA', 'Ed25519']) {
    const said = withKeys(t, [jwk(ed, alg === undefined ? {} : { alg })])
    t.same(['EdDSA', 'Ed25519'].map((each) => said(token(each))), ['proven', 'proven'], alg ?? 'a key without alg') // prettier-ignore
  }
  t.not(withKeys(t, [jwk(ed, { alg: 'Ed448' })])(token('Ed25519')), 'proven')
  t.match(withKeys(t, [jwk(ed)], { algorithms: 'Ed448' })(token('Ed25519')), 'not allowed')
  t.match(
    withKeys(t, [jwk(ed)], { algorithms: 'EdDSA' })(token('Ed25519')),
    'not allowed',
    'what is pinned holds'
  )
  const large = withKeys(t, [jwk(ed448), jwk(ed)], { algorithms: ['Ed448', 'Ed25519'] })
  t.equal(large(token('Ed448', 'ed448', ed448.privateKey)), 'proven')
  t.not(large(token('Ed25519', 'ed448', ed448.privateKey)), 'proven', 'of another curve')
  t.not(large(token('Ed448')), 'proven', 'of another curve')
  // RFC 9864 §2.1 names ECDSA anew for COSE only.
  t.throws(() => jwtSchema.parse({ issuer, audience: 'api', algorithms: ['ESP256'] }), /ES256/)
  t.end()
})

t.test('the audience stands where the issuer puts it', (t) => {
  const token = (more: object): string => signed({ alg: 'RS256', kid: 'rsa-1' }, { ...claims, ...more }, rsa.privateKey) // prettier-ignore
  const cognito = withKeys(t, [jwk(rsa)], { audienceClaim: 'client_id' })
  t.equal(cognito(token({ aud: undefined, client_id: 'api', token_use: 'access' })), 'proven')
  t.equal(cognito(token({ aud: 'api' })), 'client_id is missing or not a text', 'an ID token')
  t.match(cognito(token({ client_id: 'other' })), 'for another audience: other')
  const email = { name: 'email' }
  const unverified = token({ email: 'a@b', email_verified: false })
  t.match(withKeys(t, [jwk(rsa)], email)(unverified), 'email_verified is false')
  t.equal(withKeys(t, [jwk(rsa)], { ...email, unverifiedEmail: true })(unverified), 'proven')
  t.equal(withKeys(t, [jwk(rsa)], email)(token({ email: 'a@b', email_verified: true })), 'proven')
  t.equal(withKeys(t, [jwk(rsa)], email)(token({ email: 'a@b' })), 'proven', 'not said')
  t.end()
})

t.test('a claim is found at its path, also where names have dots', (t) => {
  const tree = {
    resource_access: { 'my.app': { roles: ['admin'] }, my: { app: { roles: ['wrong'] }, other: 1 } },
    'https://example.com/app.roles': ['x'],
    'https://example.com': { claims: { tenant: 'a' } },
    'cognito:groups': ['g'],
    a: { b: 'deep' },
    'a.b': 'whole',
    list: ['x']
  }
  const found: [string, unknown][] = [
    ['resource_access.my.app.roles', ['admin']],
    ['resource_access.my.other', 1],
    ['https://example.com/app.roles', ['x']],
    ['https://example.com.claims.tenant', 'a'],
    ['cognito:groups', ['g']],
    ['a.b', 'whole'],
    ['list.0', undefined],
    ['list.length', undefined],
    ['a.constructor.name', undefined],
    ['__proto__.toString', undefined],
    ['.a', undefined],
    ['a.', undefined],
    ['a..b', undefined]
  ]
  for (const [path, value] of found) t.same(claimAt(tree, path), value, path)
  t.equal(claimAt(tree, 'x.'.repeat(128)), undefined)
  t.end()
})

t.test('keys that are not fetched because of another issuer say which one it is', async (t) => {
  const idp = await startIssuer([jwk(rsa)])
  t.teardown(() => idp.close())
  const log = memoryLogger()
  const options = { url: undefined, issuer: `${idp.url}/`, refreshMs: 60_000, timeoutMs: 30_000 }
  await new Promise<void>((resolve) => void new RemoteKeys(options, clock, log).ask(resolve))
  t.match(log.lines, [{ fields: { reason: `its metadata names the issuer "${idp.url}"; "issuer" must be the same` } }]) // prettier-ignore
  const loose = new RemoteKeys({ ...options, anySlash: true }, clock, log)
  await new Promise<void>((resolve) => void loose.ask(resolve))
  t.equal(loose.keys.length, 1)
})
