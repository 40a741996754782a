import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../e2e/servers.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import { staplingNeeds, type OcspSubject } from '../../src/ocsp/certificate-id.ts'
import { ocspRequest } from '../../src/ocsp/request.ts'
import { OcspError, readResponse } from '../../src/ocsp/response.ts'
import { StapleFile } from '../../src/ocsp/staple-file.ts'
import type { StapleStore } from '../../src/ocsp/staple-store.ts'
import { Staples } from '../../src/ocsp/staples.ts'
import { testCertificates } from '../net/certificates.ts'
import { answer, withResponder } from './responder.ts'

const pki = testCertificates()
const URL = 'http://ocsp.example/'
const DAY_MS = 86_400_000
const subjectOf = (cert: string): OcspSubject => staplingNeeds(cert)!.subject as OcspSubject

t.test('what a certificate asks for is read from it', async (t) => {
  t.match(staplingNeeds(withResponder(pki, URL).cert), { must: false, subject: { url: URL } })
  t.match(staplingNeeds(withResponder(pki, URL, { must: true }).cert), { must: true, subject: { url: URL } })
  t.match(staplingNeeds(pki.leaf('a.test').cert), { must: false, subject: 'it names no OCSP responder' })
  const alone = withResponder(pki, URL).cert.replace(pki.ca, '')
  t.match(staplingNeeds(alone), { subject: /issuer is not in its file/ })
  t.equal(staplingNeeds('nothing'), undefined)
})

t.test('a response is accepted only if a client would accept it', async (t) => {
  const { cert } = withResponder(pki, URL)
  const subject = subjectOf(cert)
  const request = ocspRequest(subject.id)
  const now = Date.now()
  const good = answer(pki, request)
  const staple = readResponse(good, subject, now)
  t.ok(staple.thisUpdate <= now + 1_000)
  t.ok(Math.abs(staple.nextUpdate - staple.thisUpdate - 4 * DAY_MS) < 5_000)
  const refusal = (bytes: Buffer, about = subject, at = now): string => {
    try {
      readResponse(bytes, about, at)
      return 'taken'
    } catch (error) {
      t.type(error, OcspError)
      return `${(error as OcspError).kind}: ${(error as Error).message}`
    }
  }
  t.match(refusal(good, subject, now + 5 * DAY_MS), /not-valid.*out of date/)
  t.match(refusal(good, subject, now - DAY_MS), /not-valid.*not valid yet/)
  t.match(refusal(good, subjectOf(withResponder(pki, URL).cert)), /not-valid.*another certificate/)
  // Every byte of what is signed counts, and nothing that is broken does more than be refused.
  for (let at = 0; at < good.length; at++) {
    const broken = Buffer.from(good)
    broken[at]! ^= 1
    if (refusal(broken) === 'taken') t.ok(at > good.length - 1_000, `byte ${at} counts`)
    t.not(refusal(good.subarray(0, at)), 'taken')
  }
  const stranger = testCertificates()
  const strangers = answer(pki, request, [
    ...['-rsigner', stranger.caFile, '-rkey', stranger.caFile.replace('.pem', '.key')]
  ])
  t.match(refusal(strangers), /not-valid.*signature/)
  const delegate = (extensions: string): string =>
    refusal(answer(pki, request, signedBy(pki.issue({ subject: '/CN=ocsp', extensions }).files)))
  t.equal(delegate('extendedKeyUsage=OCSPSigning'), 'taken')
  t.match(delegate('extendedKeyUsage=serverAuth'), /not-valid.*signature/)
  const revoked = withResponder(pki, URL)
  pki.crl(revoked)
  const about = subjectOf(revoked.cert)
  t.match(refusal(answer(pki, ocspRequest(about.id)), about), /revoked/)
  t.match(refusal(Buffer.from([0x30, 3, 0x0a, 1, 3])), /no-answer.*try later/)
})

t.test('a response is fetched before it ends, kept through an outage and dropped at its end', async (t) => {
  const clock = new FakeClock(Date.now() - 1_700_000_000_000)
  const log = memoryLogger()
  const results: string[] = []
  let down = false
  let changes = 0
  const { cert } = withResponder(pki, URL, { must: true })
  const request = ocspRequest(subjectOf(cert).id)
  const first = answer(pki, request)
  let reply = first
  const staples = new Staples({
    ...{ clock, log, random: () => 0.5 },
    ask: (url, asked) => {
      t.equal(url, URL)
      t.same(asked, request)
      return down
        ? Promise.reject(new OcspError('no-answer', 'it cannot be asked: gone'))
        : Promise.resolve(reply)
    },
    onChange: () => changes++,
    onAsked: (result) => results.push(result)
  })
  const wanted = { cert, file: 'a.crt', ocsp: undefined }
  const plain = { cert: pki.leaf('b.test').cert, file: 'b.crt', ocsp: true }
  await staples.prepare([{ ...wanted, ocsp: false }])
  t.same(results, [], 'false: never')
  await staples.prepare([wanted, plain])
  t.equal(staples.of(cert, undefined), first.toString('base64'), 'there before the certificate is in force')
  staples.retain([wanted, plain])
  t.equal(changes, 1)
  t.match(log.lines, [{ level: 'warn', message: /b\.crt.*names no OCSP responder/ }])
  t.match(staples.views(), [
    { file: 'a.crt', state: 'good' },
    { file: 'b.crt', state: 'none' }
  ])
  // The responder's answers are promises: they settle between steps of the clock.
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await pass(DAY_MS)
  t.same(results, ['ok', 'ok'], 'asked again within a day')
  t.equal(changes, 1, 'the same once more is no change')
  down = true
  const samples: number[] = []
  for (let hour = 0; hour < 80; hour++) await pass(3_600_000)
  staples.collect((_name, _labels, value) => samples.push(value))
  t.equal(staples.of(cert, undefined), undefined, 'dropped at its end')
  t.equal(changes, 2)
  t.same(samples, [0])
  t.match(log.lines.slice(1), [
    { level: 'warn', message: /gone; the one at hand is kept until/ },
    { level: 'error', message: /has ended, none is stapled/ }
  ])
  t.match(staples.views()[0], { state: 'failed', reason: /gone/ })
  t.ok(results.length > 40 && results.length < 100, 'a responder that is down is asked hourly')
  down = false
  reply = answer(pki, request, ['-nmin', '14400'])
  await pass(3_600_000 * 1.1)
  t.equal(staples.of(cert, undefined), reply.toString('base64'))
  t.equal(changes, 3)
  staples.retain([])
  t.equal(staples.of(cert, undefined), undefined)
  staples.close()
})

t.test(
  'a response outlives the process, is believed only while it is good, and goes with its certificate',
  async (t) => {
    const clock = new FakeClock(Date.now() - 1_700_000_000_000)
    const log = memoryLogger()
    const folder = join(t.testdir({}), 'acme', 'ocsp')
    const files = (): string[] => (existsSync(folder) ? readdirSync(folder) : [])
    const { cert } = withResponder(pki, URL, { must: true })
    const reply = answer(pki, ocspRequest(subjectOf(cert).id))
    let asked = 0
    const begin = async (ask: () => Promise<Buffer>): Promise<Staples> => {
      const counted = (): Promise<Buffer> => {
        asked++
        return ask()
      }
      const staples = new Staples({
        ...{ clock, log, random: () => 0.5, ask: counted, onChange: () => {}, onAsked: () => {} }
      })
      t.teardown(() => staples.close())
      await staples.prepare([wanted], (request) => new StapleFile(folder, request, log))
      staples.retain([wanted])
      return staples
    }
    const wanted = { cert, file: 'a.crt', ocsp: undefined }
    const gone = (): Promise<Buffer> => Promise.reject(new OcspError('no-answer', 'gone'))
    const first = await begin(() => Promise.resolve(reply))
    await until(() => files().length === 1 && files()[0]!.endsWith('.ocsp'), 'it is written')
    const path = join(folder, files()[0]!)
    t.equal(statSync(path).mode & 0o777, 0o600)
    t.equal(statSync(folder).mode & 0o777, 0o700)
    first.close()

    const second = await begin(gone)
    t.equal(second.of(cert, undefined), reply.toString('base64'), 'there at once, with the responder down')
    t.equal(asked, 1)
    clock.advance(3_600_000)
    t.equal(asked, 2, 'asked for again within an hour')
    second.close()

    writeFileSync(path, 'damaged')
    const third = await begin(() => Promise.resolve(reply))
    t.equal(third.of(cert, undefined), reply.toString('base64'), 'what is no response is asked for')
    t.equal(asked, 3)
    await until(() => readFileSync(path).equals(reply), 'it is written anew')
    third.close()

    clock.advance(5 * DAY_MS)
    const late = await begin(gone)
    t.equal(late.of(cert, undefined), undefined, 'one that has ended is not shown')
    late.retain([])
    await until(() => files().length === 0, 'it goes with its certificate')
  }
)

t.test('instances that share their responses ask once for all', async (t) => {
  const clock = new FakeClock(Date.now() - 1_700_000_000_000)
  const { cert } = withResponder(pki, URL, { must: true })
  const request = ocspRequest(subjectOf(cert).id)
  let reply = answer(pki, request)
  let stored: Buffer | undefined
  let asked = 0
  const store: StapleStore = {
    shared: true,
    read: () => Promise.resolve(stored),
    write: (bytes) => (stored = bytes),
    remove: () => (stored = undefined)
  }
  const wanted = { cert, file: 'a.crt', ocsp: undefined }
  const begin = async (): Promise<Staples> => {
    const ask = () => Promise.resolve((asked++, reply))
    const parts = {
      clock,
      log: memoryLogger(),
      random: () => 0.5,
      ask,
      onChange: () => {},
      onAsked: () => {}
    }
    const staples = new Staples(parts)
    t.teardown(() => staples.close())
    await staples.prepare([wanted], () => store)
    staples.retain([wanted])
    return staples
  }
  const one = await begin()
  t.equal(asked, 1)
  const two = await begin()
  t.equal(two.of(cert, undefined), reply.toString('base64'), 'there at once')
  t.equal(asked, 1)
  // A newer one that somebody has had meanwhile.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  reply = stored = answer(pki, request)
  clock.advance(3_600_000)
  await until(() => two.of(cert, undefined) === reply.toString('base64'), 'taken from the others')
  t.equal(asked, 1)
  two.retain([])
  t.ok(stored, 'it may be of use to the others')
  one.close()
})

t.test('a responder that hangs holds a start up for some seconds only', async (t) => {
  const clock = new FakeClock(Date.now() - 1_700_000_000_000)
  const staples = new Staples({
    ...{ clock, log: memoryLogger(), random: () => 0.5 },
    ask: () => new Promise(() => {}),
    onChange: () => t.fail('nothing has changed'),
    onAsked: () => {}
  })
  const ready = staples.prepare([
    { cert: withResponder(pki, URL, { must: true }).cert, file: 'a.crt', ocsp: true }
  ])
  clock.advance(3_000)
  await ready
  t.same(
    staples.views().map(({ state }) => state),
    ['none']
  )
  staples.close()
})

function signedBy({ cert, key }: { readonly cert: string; readonly key: string }): string[] {
  return ['-rsigner', cert, '-rkey', key]
}
