import { X509Certificate } from 'node:crypto'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { altNames } from '../../../src/net/tls/certificates/alt-names.ts'
import { checkCertificate, daysLeft } from '../../../src/net/tls/certificates/check-certificate.ts'
import { cipherDoubts } from '../../../src/net/tls/certificates/cipher-doubts.ts'
import { certificatesIn } from '../../../src/net/tls/certificates/folder.ts'
import { leftOutOf, whyEmpty } from '../../../src/net/tls/certificates/left-out.ts'
import {
  loadAuthority,
  makeAuthority,
  selfSignedCertificate,
  signedCertificate
} from '../../../src/net/tls/certificates/make-certificate.ts'
import { clientCertificate } from '../../../src/net/tls/read-facts.ts'
import { testCertificates } from '../certificates.ts'

const pki = testCertificates()
// A second from now: certificates are valid from a whole second on.
const now = Date.now() + 1_000
const kinds = (cert: string, key: string, at = now): string[] =>
  checkCertificate(cert, key, at).problems.map(({ file, kind }) => `${file} ${kind}`)

t.test('a certificate is held against its key, its time and its chain', async (t) => {
  const one = pki.leaf('a.test', '127.0.0.1')
  const two = pki.leaf('b.test')
  const good = checkCertificate(one.cert, one.key, now)
  t.match(good, { problems: [], facts: { names: ['a.test', '127.0.0.1'] } })
  t.equal(daysLeft(good.facts!, now), 29)
  t.same(kinds(one.cert, two.key), ['key unusable'])
  t.same(kinds(one.cert, one.key, now + 40 * 86_400_000), ['cert expired'])
  t.same(kinds(one.cert, one.key, now - 86_400_000), ['cert not-yet-valid'])
  t.same(kinds(one.cert + pki.ca, one.key), [])
  t.same(kinds(one.cert + two.cert, one.key), ['cert chain'])
  t.match(checkCertificate(one.cert + two.cert + pki.ca, one.key, now).problems, [
    { message: /out of order/ }
  ])
  t.match(checkCertificate(one.key, one.key, now).problems, [{ message: /private key and no certificate/ }])
  t.match(checkCertificate(one.cert, one.cert, now).problems, [
    { file: 'key', message: /certificate and no private/ }
  ])
  for (const text of ['', 'nothing', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
    t.match(checkCertificate(text, one.key, now).problems, [
      { kind: 'unusable', message: /no certificate|is empty/ }
    ])
    t.match(checkCertificate(one.cert, text, now).problems, [{ kind: 'unusable' }])
  }
})

t.test('what OpenSSL would refuse without saying where is found before, with its cure', async (t) => {
  const { cert, key } = pki.leaf('a.test')
  const told = (certText: string, keyText: string): string =>
    checkCertificate(certText, keyText, now)
      .problems.map(({ file, message }) => `${file}: ${message}`)
      .join()
  const utf16 = Buffer.from(`\ufeff${cert}`, 'utf16le').toString()
  for (const [certText, keyText, words] of [
    [pki.ca + cert, key, /^cert: the key belongs to certificate 2 .* must come first/],
    // One that has signed itself may be that of a server.
    [pki.ca, key, /^key: the key does not fit the certificate; it must be the one/],
    [pki.ca + testCertificates().ca, key, /^key: .*that of an authority: its file holds the chain only/],
    [cert + pki.ca.slice(0, 200), key, /^cert: OpenSSL refuses it/],
    [cert + cert, key, /^cert: certificate 2 of the file is certificate 1 once more/],
    [utf16, key, /^cert: is in UTF-16/],
    [cert.replace(/^/gm, '  '), key, /^cert: has lines that begin with spaces/],
    [cert.replaceAll('CERTIFICATE', 'PKCS7'), key, /^cert: is in PKCS #7 form/],
    [cert.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'), key, /^cert: is an old form of PEM/],
    [cert, '\n', /^key: is empty/],
    [cert, key.replaceAll('PRIVATE', 'PUBLIC'), /^key: holds a public key/]
  ] as const) {
    t.match(told(certText, keyText), words)
  }
  // And what is only untidy is taken.
  for (const form of [
    (text: string) => text.replaceAll('\n', '\r\n'),
    (text: string) => `\ufeff${text}`,
    (text: string) => `Bag Attributes\n  friendlyName: a\n${text}\ntrailing\n`,
    (text: string) => text.trimEnd(),
    (text: string) => text.replace(/$/gm, '  ')
  ]) {
    t.equal(told(form(cert), form(key)), '')
  }
})

t.test(
  'a chain is incomplete where a public authority says where its certificate is to be had',
  async (t) => {
    const extensions = 'authorityInfoAccess=caIssuers;URI:http://ca.example/issuer.der'
    const { cert, key } = pki.issue({ san: 'DNS:a.test', extensions })
    t.match(checkCertificate(cert, key, now).problems, [
      { kind: 'chain', message: /incomplete.*lb test root/ }
    ])
    t.same(kinds(cert + pki.ca, key), [])
  }
)

t.test('a folder: pairs by name, folders of certbot and Kubernetes, default first', async (t) => {
  const folder = t.testdir({})
  const { files } = pki.leaf('a.test')
  const put = (cert: string, key: string): void => {
    copyFileSync(files.cert, join(folder, cert))
    copyFileSync(files.key, join(folder, key))
  }
  for (const name of ['live', 'kube', '..data', 'empty']) mkdirSync(join(folder, name))
  put('b.crt', 'b.key')
  put('a.pem', 'a-key.pem')
  put('default.crt', 'default.key')
  put('live/fullchain.pem', 'live/privkey.pem')
  put('kube/tls.crt', 'kube/tls.key')
  put('..data/tls.crt', '..data/tls.key')
  writeFileSync(join(folder, 'both.pem'), '')
  writeFileSync(join(folder, 'README'), '')
  const pairs = certificatesIn(folder).map(({ cert, key }) =>
    [cert, key].map((path) => path.slice(folder.length + 1)).join(' ')
  )
  t.same(pairs, [
    'default.crt default.key',
    'a.pem a-key.pem',
    'b.crt b.key',
    'both.pem both.pem',
    'kube/tls.crt kube/tls.key',
    'live/fullchain.pem live/privkey.pem'
  ])
})

t.test('a folder: what other programs put beside a certificate is left out', async (t) => {
  const folder = t.testdir({})
  const at = (name: string): string => join(folder, name)
  const [a, b, c, d, e, f] = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => pki.leaf(`${name}.test`))
  const put = (texts: Record<string, string>): void => {
    for (const [name, text] of Object.entries(texts)) {
      mkdirSync(dirname(at(name)), { recursive: true })
      writeFileSync(at(name), text)
    }
  }
  // cert-manager; lego; certbot copied; HAProxy; Caddy; acme.sh.
  put({ 'tls.crt': a!.cert, 'tls.key': a!.key, 'ca.crt': pki.ca })
  put({
    'b.test.crt': b!.cert + pki.ca,
    'b.test.key': b!.key,
    'b.test.issuer.crt': pki.ca,
    'b.test.json': '{}'
  })
  put({ 'cert.pem': a!.cert, 'chain.pem': pki.ca, 'dhparam.pem': '-----BEGIN DH PARAMETERS-----\nx\n' })
  put({ '.c.pem.swp': 'x', '.hidden.crt': '', 'server-key.pem': c!.key, 'privkey.pem': c!.key })
  put({
    'c.pem': c!.cert,
    'c.pem.key': c!.key,
    'd.pem.rsa': d!.cert + d!.key,
    'd.pem.ecdsa': d!.cert + d!.key
  })
  put({ 'e.test/e.test.crt': e!.cert, 'e.test/e.test.key': e!.key, 'e.test/e.test.json': '{}' })
  put({
    'f_ecc/fullchain.cer': f!.cert,
    'f_ecc/f.test.key': f!.key,
    'f_ecc/f.test.cer': f!.cert,
    'f_ecc/ca.cer': pki.ca
  })
  const found = (): string[] =>
    certificatesIn(folder).map(({ cert, key }) =>
      [cert, key].map((path) => path.slice(folder.length + 1)).join(' ')
    )
  const good = [
    'b.test.crt b.test.key',
    'c.pem c.pem.key',
    'd.pem.ecdsa d.pem.ecdsa',
    'd.pem.rsa d.pem.rsa',
    'e.test/e.test.crt e.test/e.test.key',
    'f_ecc/fullchain.cer f_ecc/f.test.key',
    'tls.crt tls.key'
  ]
  t.same(found(), good)
  // What is only there for a moment, and what nobody else has, is not silently left out.
  put({
    'half.pem': d!.key,
    'orphan.crt': pki.leaf('g.test').cert,
    'self.crt': (await selfSignedCertificate(['s.test'], now)).cert
  })
  t.same(
    found().filter((each) => !good.includes(each)),
    ['half.pem half.pem', 'orphan.crt orphan.crt', 'self.crt self.crt']
  )
  put({ 'old.p12': 'x', 'lonely.key': c!.key })
  t.same(
    leftOutOf(folder, certificatesIn(folder)).map((each) => each.slice(folder.length + 1).replace(/:.*/, '')),
    ['lonely.key is left out', 'old.p12 is left out']
  )
})

t.test('certbot: its folder of one name, and the folder that holds no certificate', async (t) => {
  const folder = t.testdir({
    live: { 'a.test': {} },
    archive: { 'a.test': { 'fullchain1.pem': '' } },
    caddy: { ca: { x: {} } }
  })
  const at = (...names: string[]): string => join(folder, ...names)
  const a = pki.leaf('a.test')
  for (const [name, text] of Object.entries({
    'fullchain.pem': a.cert,
    'privkey.pem': a.key,
    'cert.pem': a.cert,
    'chain.pem': pki.ca
  }))
    writeFileSync(at('live', 'a.test', name), text)
  const only = [{ cert: at('live', 'a.test', 'fullchain.pem'), key: at('live', 'a.test', 'privkey.pem') }]
  t.same(certificatesIn(at('live')), only)
  t.same(certificatesIn(at('live', 'a.test')), only)
  t.match(whyEmpty(at('archive')), /certbot's current ones are in the folder "live" beside it/)
  writeFileSync(at('caddy', 'ca', 'x', 'x.crt'), a.cert)
  writeFileSync(at('caddy', 'ca', 'x', 'x.key'), a.key)
  t.match(whyEmpty(at('caddy')), /but .*caddy\/ca does: name that one/)
  t.match(whyEmpty(at('nothing')), /holds no certificate with its key$/)
})

t.test('what clients refuse although OpenSSL takes it is doubted', async (t) => {
  const doubts = (options: Parameters<typeof pki.issue>[0], more = ''): string => {
    const { cert, key } = pki.issue(options)
    return checkCertificate(cert + more, key, now).doubts.join('; ')
  }
  t.equal(doubts({ san: 'DNS:a.test' }), '')
  t.match(doubts({ subject: '/CN=a.test' }), /names no host/)
  t.match(doubts({ san: 'DNS:a.test', extensions: 'extendedKeyUsage=clientAuth' }), /not for servers/)
  t.equal(doubts({ san: 'DNS:a.test', extensions: 'extendedKeyUsage=clientAuth,serverAuth' }), '')
  const past = now + 31 * 86_400_000
  const { cert, key } = pki.issue({ san: 'DNS:a.test', until: '20990101000000Z' })
  t.match(checkCertificate(cert + pki.ca, key, past).doubts.join(), /certificate 2 of the file.*expired on/)
})

t.test('lists of cipher suites that let in more or less than was meant', async (t) => {
  const cases: [string, RegExp | undefined][] = [
    ['ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305', undefined],
    ['ECDHE+AESGCM:ECDHE+CHACHA20', undefined],
    ['TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256', undefined],
    ['TLS_AES_256_GCM_SHA384', /TLS 1\.2 is switched off; if that is meant, write `minVersion: TLSv1\.3`/],
    ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', /there it is ECDHE-RSA-AES128-GCM-SHA256:/],
    ['TLS_RSA_WITH_AES_256_CBC_SHA', /there it is AES256-SHA:/],
    ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', /there it is ECDHE-ECDSA-CHACHA20-POLY1305:/],
    ['eNULL', /without encryption/],
    ['HIGH:!aNULL:!MD5', /^HIGH lets in suites without forward secrecy/],
    ['ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA', /^AES128-SHA lets in/],
    ['ECDHE-RSA-AES128-SHA', /^ECDHE-RSA-AES128-SHA lets in/]
  ]
  for (const [list, told] of cases) {
    const doubts = cipherDoubts(list).join()
    if (told === undefined) t.equal(doubts, '', list)
    else t.match(doubts, told, list)
  }
})

t.test('certificates for development', async (t) => {
  const own = await selfSignedCertificate(['localhost', '127.0.0.1', '::1'], now)
  t.match(checkCertificate(own.cert, own.key, now), {
    problems: [],
    facts: { names: ['localhost', '127.0.0.1', /1$/] }
  })
  const made = await makeAuthority('lb of here', now)
  const authority = await loadAuthority(made.certificate)
  const signed = await signedCertificate(authority, ['app.localhost'], now)
  t.same(kinds(signed.cert, signed.key), [])
  const leaf = new X509Certificate(signed.cert)
  const root = new X509Certificate(made.certificate.cert)
  t.ok(leaf.verify(root.publicKey))
  t.ok(root.ca)
  t.notOk(leaf.ca)
})

t.test('names as they are written, also where they are odd', async (t) => {
  const { cert } = pki.issue({
    subject: '/O=Ops, "Inc" <x>/CN=Jürgen',
    san: 'DNS:a.test,URI:spiffe://x/y,email:a@b.test,IP:10.0.0.1'
  })
  const facts = clientCertificate(new X509Certificate(cert).raw)
  t.match(facts, {
    subject: 'CN=J\\C3\\BCrgen,O=Ops\\, \\"Inc\\" \\<x\\>',
    commonName: 'Jürgen',
    subjectAltNames: ['DNS:a.test', 'URI:spiffe://x/y', 'email:a@b.test', 'IP:10.0.0.1'],
    fingerprint: /^[0-9a-f]{64}$/,
    serial: /^[0-9a-f]+$/
  })
  t.same(altNames('DNS:"a, DNS:evil", URI:x'), ['DNS:a, DNS:evil', 'URI:x'])
})
