import { execFile } from 'node:child_process'
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { FakeClock } from '../../fakes/fake-clock.ts'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { makeAuthority } from '../../../src/net/tls/certificates/make-certificate.ts'
import { checkCertificate } from '../../../src/net/tls/certificates/check-certificate.ts'
import { checkCertificates } from '../../../src/runtime/certificates/check-certificates.ts'
import { EarlyCertificates } from '../../../src/runtime/certificates/early-certificates.ts'
import { ReapplySoon } from '../../../src/runtime/certificates/reapply-soon.ts'
import { CertificateWatch } from '../../../src/runtime/certificates/certificate-watch.ts'
import { httpOrigin, startLb, until } from '../../e2e/servers.ts'
import { MANNERS } from './swaps/put-in.ts'
import { runSwaps } from './swaps/run-swaps.ts'
import { fingerprint, shownAt } from './swaps/shown.ts'
import { configOf } from '../../runtime/configs.ts'
import { testCertificates, type TestCertificate } from '../../net/certificates.ts'

const run = promisify(execFile)
const bin = join(import.meta.dirname, '../../../bin/lb.js')
const pki = testCertificates()
const DAY_MS = 86_400_000

const shown = (port: number, servername = 'a.test') => shownAt(port, pki.ca, servername)

t.test('a changed certificate is in use within a second and under load, and a bad one is not', async (t) => {
  const folder = t.testdir({})
  const files = { cert: join(folder, 'a.crt'), key: join(folder, 'a.key') }
  const put = ({ files: from }: TestCertificate): void => {
    copyFileSync(from.cert, files.cert)
    copyFileSync(from.key, files.key)
  }
  const generations = Array.from({ length: 6 }, () => pki.leaf('a.test'))
  put(generations[0]!)
  const origin = await httpOrigin(t, 'web')
  const lb = await startLb(t, {
    workers: 2,
    listeners: [
      { name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', tls: { certificates: [files] } },
      { name: 'folder', bind: '127.0.0.1:0', mode: 'l7', pool: 'web', tls: { certificates: { dir: folder } } }
    ],
    pools: { web: { backends: [origin.address] } }
  })
  const seen = new Map<string, number>()
  let stop = false
  const load = Array.from({ length: 3 }, async () => {
    while (!stop) {
      const what = await shown(lb.port('web'))
      seen.set(what, (seen.get(what) ?? 0) + 1)
    }
  })
  for (const each of generations.slice(1)) {
    const began = Date.now()
    put(each)
    const wanted = fingerprint(each)
    let now = ''
    while (now !== wanted && Date.now() - began < 20_000) now = await shown(lb.port('folder'))
    t.equal(now, wanted)
    t.equal(await shown(lb.port('web')), wanted)
    // A second on a machine that has time; here other tests run beside it.
    t.ok(Date.now() - began < 10_000, `${Date.now() - began} ms`)
  }

  t.test('a key that does not fit, an expired certificate and garbage are refused', async (t) => {
    const good = await shown(lb.port('web'))
    const refusals = () =>
      lb.lines.filter(({ message, fields }) => / stays in use$/.test(message) && fields['listener'] === 'web')
    const refused = async (write: () => void, words: RegExp): Promise<void> => {
      const before = refusals().length
      write()
      await until(() => refusals().length > before, 'refused')
      t.match(refusals().at(-1)!.message, words)
      t.equal(await shown(lb.port('web')), good)
    }
    const other = pki.leaf('a.test')
    await refused(() => copyFileSync(other.files.key, files.key), /^\S+a\.key: the key does not fit/)
    const old = pki.issue({ san: 'DNS:a.test', from: '20200101000000Z', until: '20210101000000Z' })
    await refused(() => put(old), /^\S+a\.crt: .*expired on 2021-01-01/)
    await refused(() => writeFileSync(files.cert, 'garbage'), /no certificate in PEM form/)
    put(other)
    await until(() => lb.lines.at(-1)!.message.includes('certificates renewed'), 'taken')
    t.equal(await shown(lb.port('web')), fingerprint(other))
  })

  t.test('no handshake failed', async (t) => {
    stop = true
    await Promise.all(load)
    t.ok([...seen.values()].reduce((a, b) => a + b) > 20)
    t.same(
      [...seen.keys()].filter((key) => !key.includes(':')),
      []
    )
    t.match(
      lb.running.metrics(),
      /lb_tls_certificate_expiry_seconds\{listener="web",file="[^"]+a\.crt"\} 25\d{5}\n/
    )
  })
})

t.test(
  'no handshake fails while certificates are swapped, and sessions are resumed by every worker',
  async (t) => {
    const options = {
      folder: t.testdir({}),
      swaps: 6,
      everyMs: 300,
      workers: 2,
      connections: 4,
      manners: MANNERS
    }
    const { errors, unseen, lags, offered, resumed } = await runSwaps(options)
    t.same(errors, [])
    t.equal(unseen, 0)
    // 0.3 s on a machine that has time.
    t.ok(Math.max(...lags) < 10_000, `${lags.join()} ms`)
    t.ok(offered > 10 && resumed >= 0.99 * offered, `${resumed} of ${offered} resumed`)
  }
)

t.test('of a folder, one certificate that is wrong keeps no other from being renewed', async (t) => {
  const dir = t.testdir({})
  const put = (name: string, { cert, key }: TestCertificate): void => {
    writeFileSync(join(dir, `${name}.pem`), cert + key)
  }
  const [a, b] = [pki.leaf('a.test'), pki.leaf('b.test')]
  put('a', a)
  put('b', b)
  writeFileSync(join(dir, 'never.pem'), 'garbage')
  const lb = await startLb(t, {
    workers: 1,
    listeners: [
      {
        ...{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', tls: { certificates: { dir } } },
        routes: [{ respond: { status: 200 } }]
      }
    ]
  })
  const said = (words: RegExp): boolean => lb.lines.some(({ message }) => words.test(message))
  t.ok(said(/never\.pem: no certificate in PEM form; it is left out/))
  const next = pki.leaf('a.test')
  writeFileSync(join(dir, 'b.pem'), b.cert)
  put('a', next)
  await until(() => said(/b\.pem: holds a certificate and no private key; the one before stays/), 'told')
  let now = ''
  for (let n = 0; now !== fingerprint(next) && n < 1_000; n++) now = await shown(lb.port('web'))
  t.equal(now, fingerprint(next))
  t.equal(await shown(lb.port('web'), 'b.test'), fingerprint(b), 'the one before')
  t.notOk(said(/reload refused/))
})

t.test('a certificate of a folder that is not valid yet is logged, and tried again when it is', async (t) => {
  const dir = t.testdir({})
  const began = Date.now()
  const [a, b] = [pki.leaf('a.test'), pki.leaf('b.test')]
  for (const [name, { cert, key }] of Object.entries({ a, b }))
    writeFileSync(join(dir, `${name}.pem`), cert + key)
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        ...{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', tls: { certificates: { dir } } },
        routes: [{ respond: { status: 200 } }]
      }
    ]
  })
  const said = (words: RegExp): boolean => lb.lines.some(({ message }) => words.test(message))
  // A machine that took long for that takes long for the next one too.
  const aheadMs = 5_000 + 4 * (Date.now() - began)
  const from = new Date(Date.now() + aheadMs).toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  const next = pki.issue({ san: 'DNS:a.test', from })
  writeFileSync(join(dir, 'a.pem'), next.cert + next.key)
  await until(() => said(/a\.pem is valid from \S+ on, and is tried again then/), 'told')
  t.equal(await shown(lb.port('web'), 'a.test'), fingerprint(a), 'the one before')
  await until(() => said(/a\.pem: in use now/), 'tried again', aheadMs + 60_000)
  await until(() => said(/listener web: certificates renewed/), 'in force')
  t.equal(await shown(lb.port('web'), 'a.test'), fingerprint(next))
})

t.test('certificates that are not valid yet are tried at their times, also years ahead', async (t) => {
  const clock = new FakeClock(1_000_000)
  const log = memoryLogger()
  let reapplied = 0
  const reapply = new ReapplySoon(clock, () => Promise.resolve({ reapplied: reapplied++ }))
  const early = new EarlyCertificates(clock, log, reapply)
  const DAY = 86_400_000
  const now = clock.wall()
  early.refused('far.pem', now + 100 * DAY)
  early.refused('near.pem', now + 2 * DAY)
  early.refused('near.pem', now + 2 * DAY)
  t.equal(log.lines.length, 2, 'told once each')
  const days = async (count: number): Promise<void> => {
    for (let day = 0; day < count; day++) {
      clock.advance(DAY)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await days(2)
  t.equal(reapplied, 0)
  await days(1)
  t.equal(reapplied, 1)
  await days(98)
  t.equal(reapplied, 2)
  early.refused('closed.pem', clock.wall() + DAY)
  early.close()
  await days(3)
  t.equal(reapplied, 2)
})

t.test('the log says how long a certificate is still valid, at 21, 7 and 1 days, once each', async (t) => {
  const clock = new FakeClock()
  const log = memoryLogger('debug')
  const watch = new CertificateWatch(clock, log)
  const { cert, key } = pki.leaf('a.test')
  const checked = checkCertificate(cert, key, Date.now())
  const facts = { ...checked.facts!, notAfter: clock.wall() + 30 * DAY_MS + 1 }
  const held = {
    ...{ listener: 'web', file: 'a.crt', keyFile: 'a.key', cert, ocsp: undefined },
    checked: { ...checked, facts }
  }
  watch.hold([held])
  t.same(
    log.lines.filter(({ level }) => level !== 'debug'),
    []
  )
  for (let hour = 0; hour < 32 * 24; hour++) {
    clock.advance(3_600_000)
    if (hour === 300) watch.hold([held])
  }
  t.same(
    log.lines.filter(({ level }) => level !== 'debug').map(({ level, message }) => `${level} ${message}`),
    [
      'warn certificate a.crt expires in 20 days',
      'warn certificate a.crt expires in 6 days',
      'error certificate a.crt expires in less than a day',
      'error certificate a.crt has expired'
    ]
  )
  watch.close()
})

t.test('lb check opens the files, says the days left, and shows where a wrong one is named', async (t) => {
  const good = pki.leaf('a.test')
  const other = pki.leaf('b.test')
  const yaml = (cert: string, key: string, more = ''): string =>
    `listeners:\n  - bind: ":8443"\n    mode: l7\n    pool: web\n    tls:\n      certificates:\n        - cert: ${cert}\n          key: ${key}\n${more}pools: { web: { backends: ["127.0.0.1:1"] } }\n`
  const folder = t.testdir({})
  const check = async (text: string): Promise<string> => {
    const file = join(folder, 'lb.yaml')
    writeFileSync(file, text)
    try {
      return (await run(process.execPath, [bin, 'check', file])).stdout
    } catch (error) {
      return (error as { stderr: string }).stderr
    }
  }
  const { cert, key } = good.files
  t.match(await check(yaml(cert, key)), /ok \(.*\n {2}listener l7-8443: .*: 29 days left \(a\.test\)/)
  t.match(
    await check(yaml(cert, other.files.key)),
    /lb\.yaml:8:16: error: .*the key does not fit the certificate/
  )
  t.match(await check(yaml('/no/such.crt', key)), /lb\.yaml:7:17: error: \/no\/such\.crt: no such file/)
  const auth = `      clientAuth: { ca: ${key} }\n`
  t.match(
    await check(yaml(cert, key, auth)),
    /lb\.yaml:9:25: error: .*holds a private key and no certificate/
  )
})

t.test('lb check tells each fault of a certificate with its place, its cause and its cure', async (t) => {
  const folder = t.testdir({ certs: {} })
  const at = (name: string): string => join(folder, name)
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const [good, other] = [pki.leaf('a.test'), pki.leaf('b.test')]
  const expired = pki.issue({ san: 'DNS:old.test', from: '20200101000000Z', until: '20200201000000Z' })
  const future = pki.issue({ san: 'DNS:new.test', from: '20990101000000Z', until: '20990201000000Z' })
  const extensions = 'authorityInfoAccess=caIssuers;URI:http://ca.example/issuer.der'
  const alone = pki.issue({ san: 'DNS:alone.test', extensions })
  const { cert, key } = good.files
  writeFileSync(at('order.crt'), good.cert + other.cert + pki.ca)
  writeFileSync(at('stranger.crt'), good.cert + other.cert)
  writeFileSync(at('open.key'), good.key, { mode: 0o644 })
  chmodSync(at('open.key'), 0o644)
  await openssl('pkey', '-in', key, '-aes256', '-passout', 'pass:x', '-out', 'secret.key')
  await openssl('x509', '-in', cert, '-outform', 'der', '-out', 'a.der')
  await openssl('pkey', '-in', key, '-outform', 'der', '-out', 'key.der')
  await openssl('pkcs12', '-export', '-in', cert, '-inkey', key, '-passout', 'pass:x', '-out', 'a.p12')
  const cases: readonly (readonly [cert: string, key: string, file: 'cert' | 'key', told: RegExp])[] = [
    [cert, other.files.key, 'key', /does not fit the certificate; it must be the one that the request/],
    [expired.files.cert, expired.files.key, 'cert', /it expired on 2020-02-01, \d+ days ago; renew it/],
    [future.files.cert, future.files.key, 'cert', /not valid before 2099-01-01; is the clock/],
    [
      alone.files.cert,
      alone.files.key,
      'cert',
      /incomplete: append the certificate of lb test root, from http:\/\/ca\.example\/issuer\.der/
    ],
    [at('order.crt'), key, 'cert', /out of order: .*the own one first/],
    [at('stranger.crt'), key, 'cert', /did not sign certificate 1 \(a\.test\); put the one of lb test root/],
    [cert, at('secret.key'), 'key', /has a passphrase; remove it: `openssl pkey/],
    [at('a.der'), key, 'cert', /is in DER form; convert it to PEM: `openssl x509 -inform der/],
    [cert, at('key.der'), 'key', /is in DER form; convert it to PEM: `openssl pkey -inform der/],
    [at('a.p12'), key, 'cert', /PKCS #12 form; convert it to PEM: `openssl pkcs12/],
    [cert, at('open.key'), 'key', /warning: .*can be read by every user; .*: chmod 640/]
  ]
  const head = 'listeners:\n  - bind: ":8443"\n    mode: l7\n    pool: web\n    tls:\n      certificates:\n'
  const tail = 'pools: { web: { backends: ["127.0.0.1:1"] } }\n'
  const pairs = cases.map(([cert, key]) => `        - cert: ${cert}\n          key: ${key}\n`)
  const check = async (text: string): Promise<string> => {
    writeFileSync(at('lb.yaml'), text)
    const told = await run(process.execPath, [bin, 'check', at('lb.yaml')]).catch((error: unknown) => error)
    const { stdout, stderr } = told as { stdout: string; stderr: string }
    return stdout + stderr
  }
  const lines = (await check(head + pairs.join('') + tail)).split('\n')
  for (const [i, [, , file, told]] of cases.entries()) {
    const place = `lb.yaml:${7 + 2 * i + (file === 'cert' ? 0 : 1)}:`
    t.ok(
      lines.some((line) => line.includes(place) && told.test(line)),
      `${place} ${told}`
    )
  }
  // A folder is named once, and each of its files in the message.
  copyFileSync(at('a.der'), at('certs/a.crt'))
  copyFileSync(key, at('certs/a.key'))
  copyFileSync(expired.files.cert, at('certs/b.crt'))
  copyFileSync(expired.files.key, at('certs/b.key'))
  const told = await check(head.replace('certificates:\n', `certificates: { dir: ${at('certs')} }\n`) + tail)
  t.match(told, /lb\.yaml:6:\d+: error: .*certs\/a\.crt: is in DER form/)
  t.match(told, /lb\.yaml:6:\d+: error: .*certs\/b\.crt: it expired/)
})

const answering = (tls: object) => ({
  name: 'web',
  bind: '127.0.0.1:0',
  mode: 'l7',
  tls,
  routes: [{ respond: { status: 200 } }]
})

t.test('lb check tells of a revocation list that has ended: with it every client is refused', async (t) => {
  const crl = join(t.testdir({}), 'crl.pem')
  writeFileSync(crl, pki.crl())
  const tls = {
    certificates: [pki.leaf('a.test').files],
    clientAuth: { ca: pki.caFile, crl, required: true }
  }
  const told = (at: number): string =>
    checkCertificates(configOf({ listeners: [answering(tls)] }), at)
      .findings.filter(({ path }) => path.includes('crl'))
      .map(({ message }) => message)
      .join()
  t.equal(told(Date.now()), '')
  t.match(
    told(Date.now() + 31 * DAY_MS),
    /crl\.pem: the revocation list ended on 20\d\d-\d\d-\d\d: every client/
  )
  writeFileSync(crl, 'garbage')
  t.match(told(Date.now()), /holds no revocation list in PEM/)
})

t.test('lb check looks at authorities: expired, none at all, without a revocation list', async (t) => {
  const folder = t.testdir({})
  const at = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const other = await makeAuthority('another root', Date.now())
  const leaf = pki.leaf('a.test')
  const told = (ca: string, crl: string | undefined, days = 0): string[] => {
    const clientAuth = { ca, required: true, ...(crl !== undefined && { crl }) }
    const tls = { certificates: [leaf.files], clientAuth }
    const pools = { web: { backends: ['127.0.0.1:1'], tls: { ca } } }
    return checkCertificates(configOf({ listeners: [answering(tls)], pools }), Date.now() + days * DAY_MS)
      .findings.filter(({ path }) => path.includes('ca') || path.includes('crl'))
      .map(({ path, message }) => `${path.join('.')} ${message.slice(folder.length + 1)}`)
  }
  const crl = at('crl.pem', pki.crl())
  t.same(told(pki.caFile, crl), [])
  const both = at('both.pem', pki.ca + other.certificate.cert)
  t.match(told(both, crl), [/clientAuth\.crl .*holds no revocation list of another root, so every client/])
  t.match(told(at('leaf.pem', leaf.cert), undefined), [
    /clientAuth\.ca .*not that of an authority.*of clients good; name that of lb test root/,
    /pools\.web\.tls\.ca .*of backends good/
  ])
  t.match(told(at('ca.pem', pki.ca), undefined, 31), [
    /clientAuth\.ca .*expired on .*clients/,
    /tls\.ca .*expired on/
  ])
  t.match(told(folder, undefined).join(), /is a folder; name a file/)
})
