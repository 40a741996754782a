import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { retryAfter } from '../../src/acme/client/retry-after.ts'
import { OnDemand } from '../../src/acme/names/on-demand.ts'
import { challengeCertificate, challengeServerName } from '../../src/acme/order/challenge-certificate.ts'
import { nextTry, PACE } from '../../src/acme/renewal/back-off.ts'
import { askedInVain, dueAt, suggestedRenewal, usualRenewal } from '../../src/acme/renewal/renewal-time.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'

t.test('a point in the suggested window is chosen once, and anew with another window', async (t) => {
  const window = { start: 1_000, end: 2_000 }
  const life = { notBefore: 0, notAfter: 10_000 }
  const first = suggestedRenewal(undefined, window, 500, 0.25, life)
  t.match(first, { at: 1_250, askAt: 500 })
  t.equal(suggestedRenewal(first, window, 600, 0.9, life).at, 1_250)
  t.equal(suggestedRenewal(first, { start: 1_000, end: 3_000 }, 600, 0.5, life).at, 2_000)
})

t.test('a window behind the end of the certificate is not waited for', async (t) => {
  const life = { notBefore: 0, notAfter: 10_000 }
  const late = suggestedRenewal(undefined, { start: 20_000, end: 30_000 }, 500, 0.5, life)
  t.equal(late.at, 9_000)
  t.equal(suggestedRenewal(late, { start: 20_000, end: 30_000 }, 500, 0.1, life).at, 9_000)
})

t.test('an authority that cannot be asked is asked again after six hours, or when it says', async (t) => {
  const HOUR = 3_600_000
  t.equal(askedInVain({ at: 1 }, 0).askAt, 6 * HOUR)
  t.equal(askedInVain({ at: 1 }, 0, HOUR).askAt, 6 * HOUR)
  t.equal(askedInVain({ at: 1 }, 0, 12 * HOUR).askAt, 12 * HOUR)
  t.equal(askedInVain({ at: 1 }, 0, 1_000 * HOUR).askAt, 24 * HOUR)
})

t.test('times from when the clock was ahead do not count once it is right', async (t) => {
  const [now, YEAR] = [1_000_000_000_000, 31_536_000_000]
  const failed = (at: number) => ({ name: 'a', failure: { count: 1, reason: 'x', at, nextAt: at + 60_000 } })
  t.equal(dueAt(failed(now - 1_000), false, now), now + 59_000)
  t.equal(dueAt(failed(now + 4 * YEAR), false, now), 0)
  const renewal = { at: now + YEAR, askAt: now + 3_600_000 }
  t.equal(dueAt({ name: 'a', renewal }, true, now), now + 3_600_000)
  t.equal(dueAt({ name: 'a', renewal: { ...renewal, askAt: now + 4 * YEAR } }, true, now), 0)
  t.equal(dueAt({ ...failed(now), renewal: { at: now - 1 } }, true, now), now + 60_000)
  t.equal(dueAt({ ...failed(now + YEAR), renewal: { at: now - 1 } }, true, now), now - 1)
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
  const { TZ } = process.env
  process.env['TZ'] = 'Asia/Tokyo'
  for (const form of [
    'Thu, 01 Jan 1970 00:01:00 GMT',
    'Thursday, 01-Jan-70 00:01:00 GMT',
    'Thu Jan  1 00:01:00 1970'
  ])
    t.equal(retryAfter(form, 1_000), 60_000, form)
  if (TZ === undefined) delete process.env['TZ']
  else process.env['TZ'] = TZ
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
