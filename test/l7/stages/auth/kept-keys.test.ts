import { get } from 'node:http'
import t from 'tap'
import { FakeClock } from '../../../fakes/fake-clock.ts'
import { memoryLogger } from '../../../fakes/memory-logger.ts'
import type { Workers } from '../../../../src/runtime/workers/workers.ts'
import type { Exchange } from '../../../../src/l7/exchange/exchange.ts'
import { HeaderBlock } from '../../../../src/l7/message/header-block.ts'
import { allocateAuth } from '../../../../src/l7/stages/auth/auth-memory.ts'
import { KeptKeys, MAX_KEY_SET_BYTES } from '../../../../src/l7/stages/auth/jwt/kept-keys.ts'
import { RemoteKeys } from '../../../../src/l7/stages/auth/jwt/key-source.ts'
import { Jwt } from '../../../../src/l7/stages/auth/jwt/jwt.ts'
import { jwtSchema } from '../../../../src/l7/stages/auth/jwt/keys.ts'
import type { AuthInput } from '../../../../src/l7/stages/auth/keys.ts'
import { httpOrigin, startLb, until } from '../../../e2e/servers.ts'
import { ecKey, jwk, signed, startIssuer } from './issuer.ts'

t.test('a set is read as it was written, the last one, and nothing of one that is torn', (t) => {
  const memory = KeptKeys.allocate()
  const kept = new KeptKeys(memory)
  const other = new KeptKeys(memory)
  t.equal(other.read(), undefined)
  const sets = ['{"keys":[]}', 'é'.repeat(5000), 'x'.repeat(MAX_KEY_SET_BYTES), 'short']
  for (const [i, text] of sets.entries()) {
    kept.write({ text, fetchedAt: 1000 + i })
    t.equal(other.fetchedAt, 1000 + i)
    t.strictSame(other.read(), { text, fetchedAt: 1000 + i })
  }
  kept.write({ text: 'x'.repeat(MAX_KEY_SET_BYTES + 1), fetchedAt: 2000 })
  t.equal(other.read()?.text, 'short', 'one that is too large is not kept')
  const bytes = new Uint8Array(memory)
  // All but what stands behind the text.
  for (let at = 0; at < 44 + 'short'.length; at++) {
    bytes[at]! ^= 1
    t.equal(other.read(), undefined, `byte ${at}`)
    bytes[at]! ^= 1
  }
  t.equal(other.read()?.text, 'short')
  t.end()
})

t.test(
  'a thread that begins during an outage has the keys of the others, and the newest of them',
  async (t) => {
    const first = ecKey('first')
    const second = ecKey('second')
    const idp = await startIssuer([jwk(first)])
    t.teardown(() => idp.close())
    const clock = new FakeClock()
    clock.advance(1000)
    const kept = new KeptKeys(KeptKeys.allocate())
    const options = { url: idp.jwks, issuer: idp.url, refreshMs: 600_000, timeoutMs: 5000, kept }
    const log = memoryLogger()
    const thread = () => new RemoteKeys(options, clock, log)
    const kids = ({ keys }: RemoteKeys) => keys.map(({ kid }) => kid)
    const asked = (source: RemoteKeys) => new Promise<void>((resolve) => void source.ask(resolve))

    const one = thread()
    t.strictSame(kids(one), [])
    await asked(one)
    t.strictSame(kids(one), ['first'])
    const early = thread()
    t.strictSame(kids(early), ['first'], 'it need not ask for what another has just been given')
    t.equal(idp.fetches, 1)

    idp.keys = [jwk(second)]
    clock.advance(1000)
    await asked(one)
    t.strictSame(kids(one), ['second'])
    t.strictSame(kids(early), ['first'])
    idp.down = true
    const old = early.keys[0]!
    clock.advance(1000)
    await asked(early)
    t.strictSame(kids(early), ['second'], 'its own fetch failed')
    t.equal(old.revoked, true, 'and what the issuer has withdrawn is')

    clock.advance(3_600_000)
    const late = thread()
    t.strictSame(kids(late), ['second'], 'an hour later')
    await asked(late)
    t.strictSame(kids(late), ['second'])
    t.equal(log.lines.filter(({ message }) => /cannot fetch the keys/.test(message)).length, 2)
  }
)

t.test('lists that believe the same issuer share what it gave, also once they are changed', (t) => {
  const list = (...methods: object[]) => ({ methods }) as unknown as AuthInput
  const jwt = (more: object = {}) => ({
    jwt: jwtSchema.parse({ issuer: 'https://a.example', audience: 'api', ...more })
  })
  const held = allocateAuth(list(jwt(), { apiKeys: {} }))
  const [set, none] = held.keySets
  t.ok(set)
  t.equal(none, undefined)
  t.equal(allocateAuth(list(jwt({ audience: 'other', roles: 'r', timeout: '1s' }))).keySets[0], set)
  t.not(allocateAuth(list(jwt({ issuer: 'https://b.example' }))).keySets[0], set)
  t.not(allocateAuth(list(jwt({ jwks: 'https://b.example/keys' }))).keySets[0], set, 'keys of another place')
  t.equal(allocateAuth(list(jwt({ jwks: 'file:/keys' }))).keySets[0], undefined)
  t.equal(allocateAuth(list(jwt({ secret: 'x'.repeat(32) }))).keySets[0], undefined)
  t.end()
})

t.test('a dry run neither takes nor leaves keys', (t) => {
  const memory = KeptKeys.allocate()
  new KeptKeys(memory).write({ text: JSON.stringify({ keys: [jwk(ecKey('k'))] }), fetchedAt: 1 })
  const input = jwtSchema.parse({ issuer: 'https://idp.example', audience: 'api' })
  const jwt = new Jwt(input, { realm: 'web', clock: new FakeClock(), log: memoryLogger(), dry: true })
  const exchange = { request: { headers: new HeaderBlock('') }, query: undefined } as unknown as Exchange
  t.equal(jwt.check(exchange), undefined)
  t.end()
})

t.test(
  'workers that die and a reload during an outage: tokens of known keys still pass',
  { timeout: 120_000 },
  async (t) => {
    const key = ecKey('k')
    const idp = await startIssuer([jwk(key)])
    t.teardown(() => idp.close())
    const origin = await httpOrigin(t, 'web')
    const config = (audience: string[]) => ({
      workers: 2,
      listeners: [
        {
          name: 'web',
          bind: '127.0.0.1:0',
          mode: 'l7',
          pool: 'web',
          auth: { methods: [{ jwt: { issuer: idp.url, audience, timeout: '30s' } }], guesses: false }
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    const lb = await startLb(t, config(['api']), { crashable: true })
    const exp = Math.floor(Date.now() / 1000) + 6000
    let serial = 0
    const token = (by = key) =>
      signed(
        { alg: 'ES256', kid: by.kid },
        { iss: idp.url, aud: 'api', sub: 'alice', exp, jti: ++serial },
        by.privateKey
      )
    const ask = (text: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { authorization: `Bearer ${text}` }
        get({ port: lb.port('web'), agent: false, headers }, (response) => {
          response.resume()
          resolve(response.statusCode)
        }).on('error', reject)
      })
    // New connections, so both threads answer some of them.
    const all = async () => {
      const statuses = new Set<number | undefined>()
      for (let i = 0; i < 24; i++) statuses.add(await ask(token()))
      return [...statuses]
    }
    t.strictSame(await all(), [200])
    idp.down = true
    const workers = lb.running.planes as Workers
    for (const thread of [1, 2]) {
      workers.crash(thread, 'deliberately')
      const replaced = () =>
        workers.workers[thread - 1]!.restarts === 1 && workers.workers[thread - 1]!.state === 'running'
      await until(replaced, 'replaced')
    }
    t.strictSame(await all(), [200], 'both workers were replaced')
    await lb.apply(config(['api', 'other']))
    t.strictSame(await all(), [200], 'the method has changed')
    t.equal(await ask(token(ecKey('unknown'))), 401)
  }
)
