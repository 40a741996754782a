import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { retryAfter } from '../../src/acme/client/retry-after.ts'
import { OnDemand } from '../../src/acme/names/on-demand.ts'
import { challengeCertificate, challengeServerName } from '../../src/acme/order/challenge-certificate.ts'
import { nextTry, PACE } from '../../src/acme/renewal/back-off.ts'
import { suggestedRenewal, usualRenewal } from '../../src/acme/renewal/renewal-time.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'

t.test('a point in the suggested window is chosen once, and anew with another window', async (t) => {
  const window = { start: 1_000, end: 2_000 }
  const first = suggestedRenewal(undefined, window, 500, 0.25)
  t.match(first, { at: 1_250, askAt: 500 })
  t.equal(suggestedRenewal(first, window, 600, 0.9).at, 1_250)
  t.equal(suggestedRenewal(first, { start: 1_000, end: 3_000 }, 600, 0.5).at, 2_000)
})

t.test(
  'without a word of the authority it is renewed at two thirds of the lifetime at the latest',
  async (t) => {
    t.equal(usualRenewal({ notBefore: 0, notAfter: 900 }, 0).at, 600)
    t.equal(usualRenewal({ notBefore: 0, notAfter: 900 }, 1).at, 582)
  }
)

t.test('tries come ever later up to a bound, and never before Retry-After', async (t) => {
  const waits = [1, 2, 3, 50].map((count) => nextTry(count, 0, 0.5, undefined, PACE))
  t.strictSame(waits, [60_000, 120_000, 240_000, 21_600_000])
  t.equal(nextTry(1, 0, 0.5, 86_400_000, PACE), 86_400_000)
  t.equal(retryAfter('120', 1_000), 121_000)
  t.equal(retryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 1_000), 60_000)
  t.equal(retryAfter('soon', 0), undefined)
})

t.test('a validation asks for the name, or for the reverse name of an address', async (t) => {
  t.equal(challengeServerName('a.example'), 'a.example')
  t.equal(challengeServerName('192.0.2.1'), '1.2.0.192.in-addr.arpa')
  const zeros = '0.'.repeat(23)
  t.equal(challengeServerName('2001:db8::1'), `1.${zeros}8.b.d.0.1.0.0.2.ip6.arpa`)
  const { cert } = await challengeCertificate('a.example', 'token.thumb', Date.now())
  t.equal(new X509Certificate(cert).subjectAltName, 'DNS:a.example')
})

t.test('names on demand are asked about, limited, and a no is remembered', async (t) => {
  const clock = new FakeClock()
  const allowed: string[] = []
  const asked: string[] = []
  const answers = new Map([['bad.example', false]])
  const onDemand = new OnDemand({
    clock,
    log: memoryLogger(),
    ask: async (_, name) => {
      asked.push(name)
      if (name === 'broken.example') throw new Error('no answer')
      return answers.get(name) ?? true
    },
    onAllowed: (_, name) => allowed.push(name)
  })
  const rule = { ask: 'http://127.0.0.1:1/may', ratePerSecond: 2 / 3_600 }
  const want = (name: string) => onDemand.wanted('https', name, rule)
  for (const name of ['localhost', '192.0.2.1', 'a_b.example', '-a.example', 'x'.repeat(64) + '.example'])
    await want(name)
  t.strictSame(asked, [], 'what can be no public name is not even asked about')
  await want('bad.example')
  await want('bad.example')
  t.strictSame(asked, ['bad.example'])
  await Promise.all(['a.example', 'b.example', 'c.example'].map(want))
  await want('d.example')
  t.equal(allowed.length, 2, 'two an hour')
  clock.advance(3_600_001)
  await want('e.example')
  t.equal(allowed.at(-1), 'e.example')
  answers.set('bad.example', true)
  await want('bad.example')
  t.equal(allowed.at(-1), 'bad.example', 'a no does not count for ever')
  await want('broken.example')
  t.equal(allowed.length, 4)
})
