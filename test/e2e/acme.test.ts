import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type DetailedPeerCertificate } from 'node:tls'
import t, { type Test } from 'tap'
import { startFront } from '../acme/front.ts'
import { noPebble, eab, eabOnly, startPebble, type Pebble } from '../acme/pebble.ts'
import type { NameView } from '../../src/acme/names/name-view.ts'
import { httpOrigin, startLb } from './servers.ts'

const skip = noPebble

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'lb-acme-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'acme')
}

function acmeOf(pebble: Pebble, storage: string, challenge: string) {
  return { directory: { url: pebble.url, ca: pebble.ca }, challenge, storage }
}

interface Shown {
  readonly certificate: DetailedPeerCertificate
  readonly authorized: boolean
}

/** The certificate that a client who asks for `name` is shown; undefined where the handshake is refused. */
function shown(port: number, servername: string, ca: string): Promise<Shown | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername, ca, rejectUnauthorized: false }, () => {
      resolve({ certificate: socket.getPeerCertificate(true), authorized: socket.authorized })
      socket.destroy()
    })
    socket.on('error', () => resolve(undefined))
  })
}

async function until<T>(get: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const got = await get()
    if (got !== undefined) return got
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

for (const workers of [0, 2]) {
  t.test(`certificates come by tls-alpn-01, ${workers} workers`, { skip, timeout: 60_000 }, async (t) => {
    const pebble = await startPebble(t)
    const origin = await httpOrigin(t, 'web')
    const lb = await startLb(t, {
      workers,
      acme: acmeOf(pebble, folder(t), 'tls-alpn-01'),
      listeners: [
        {
          name: 'https',
          bind: `127.0.0.1:${pebble.tlsPort}`,
          mode: 'l7',
          pool: 'web',
          tls: { acme: { domains: ['a.example.com', 'b.example.com', '127.0.0.1'] } }
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    const ca = await pebble.root()
    for (const name of ['a.example.com', 'b.example.com']) {
      const { certificate, authorized } = await until(() => shown(pebble.tlsPort, name, ca))
      t.equal(certificate.subjectaltname, `DNS:${name}`)
      t.ok(authorized, name)
    }
    const names = ['a.example.com', 'b.example.com', '127.0.0.1']
    await until(async () => {
      const text = lb.running.metrics()
      return text.includes(`lb_acme_names{state="valid"} ${names.length}`) ? true : undefined
    })
    t.equal(pebble.orders(), 3)
    t.match(
      lb.running.metrics(),
      'lb_tls_certificate_expiry_seconds{listener="https",file="acme:a.example.com"}'
    )
  })
}

t.test(
  'certificates come by http-01, which a clear-text listener answers before its routes',
  { skip, timeout: 60_000 },
  async (t) => {
    const pebble = await startPebble(t)
    const origin = await httpOrigin(t, 'web')
    const lb = await startLb(t, {
      workers: 2,
      acme: acmeOf(pebble, folder(t), 'http-01'),
      listeners: [
        { name: 'http', bind: `127.0.0.1:${pebble.httpPort}`, mode: 'l7', redirectToHttps: true },
        {
          name: 'https',
          bind: '127.0.0.1:0',
          mode: 'l7',
          pool: 'web',
          tls: { acme: { domains: ['c.example.com'] } }
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    const port = lb.port('https')
    t.equal(await shown(port, 'c.example.com', ''), undefined, 'before the first there is none')
    const { certificate } = await until(() => shown(port, 'c.example.com', ''))
    t.equal(certificate.subjectaltname, 'DNS:c.example.com')
    const unknown = await fetch(`http://127.0.0.1:${pebble.httpPort}/.well-known/acme-challenge/unknown`, {
      redirect: 'manual'
    })
    t.equal(unknown.status, 308, 'what is not in flight is for the routes')
  }
)

t.test(
  'names on demand: allowed ones come, refused ones are asked about once, and the rate bounds them',
  { skip, timeout: 120_000 },
  async (t) => {
    const pebble = await startPebble(t)
    const asked: string[] = []
    const ask = await httpOrigin(t, 'ask', (request, response) => {
      const name = new URL(request.url!, 'http://ask').searchParams.get('domain')!
      asked.push(name)
      response.statusCode = name.startsWith('evil') ? 403 : 200
      response.end()
    })
    const origin = await httpOrigin(t, 'web')
    const onDemand = { ask: `http://${ask.address}/may`, rate: '2/h' }
    const lb = await startLb(t, {
      workers: 2,
      acme: acmeOf(pebble, folder(t), 'tls-alpn-01'),
      listeners: [
        {
          name: 'https',
          bind: `127.0.0.1:${pebble.tlsPort}`,
          mode: 'l7',
          pool: 'web',
          tls: { acme: { onDemand } }
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    const ca = await pebble.root()
    const visit = (name: string): Promise<Shown | undefined> => shown(pebble.tlsPort, name, ca)
    const told = (words: RegExp): Promise<true> =>
      until(async () => (lb.lines.some(({ message }) => words.test(message)) ? true : undefined))
    t.equal(await visit('evil.example.com'), undefined)
    await told(/evil\.example\.com: not allowed/)
    for (let n = 0; n < 5; n++) t.equal(await visit('evil.example.com'), undefined)
    for (const name of ['one.example.com', 'two.example.com']) {
      t.equal(await visit(name), undefined, 'the first client is refused')
      const { certificate, authorized } = await until(() => visit(name))
      t.equal(certificate.subjectaltname, `DNS:${name}`)
      t.ok(authorized)
    }
    // The hour's two are taken: nobody is asked about a third, nor about what can be no public name.
    for (const name of ['three.example.com', 'localhost', '127.0.0.1.nip', 'a_b.example.com']) {
      for (let n = 0; n < 3; n++) t.equal(await visit(name), undefined, name)
    }
    t.ok((await visit('one.example.com'))?.authorized, 'those that are there are served')
    t.same(asked, ['evil.example.com', 'one.example.com', 'two.example.com'])
    t.equal(pebble.orders(), 2)
  }
)

t.test(
  'a running lb: the second authority where the first is away, its account bound, its profile, and renewal when it says so',
  { skip, timeout: 120_000 },
  async (t) => {
    const pebble = await startPebble(t, {
      config: eabOnly,
      env: { PEBBLE_AUTHZREUSE: '0' }
    })
    let past = true
    const front = await startFront(t, pebble, {
      profiles: { shortlived: 'six days' },
      window: () => {
        const start = Date.now() + (past ? -2 : 24) * 3_600_000
        return { start: new Date(start), end: new Date(start + 3_600_000) }
      }
    })
    const orders = () => front.asked.filter(({ path }) => /order-plz/.test(path))
    const origin = await httpOrigin(t, 'web')
    const lb = await startLb(t, {
      workers: 1,
      admin: { bind: '127.0.0.1:0' },
      acme: {
        directory: [
          // Nothing listens there; one that has no such profile; the one that gives it.
          { url: 'https://127.0.0.1:1/dir', ca: pebble.ca },
          { url: pebble.url, ca: pebble.ca, eab },
          { url: front.url, ca: pebble.ca, eab }
        ],
        ...{ profile: 'shortlived', challenge: 'tls-alpn-01', storage: folder(t) }
      },
      listeners: [
        {
          name: 'https',
          bind: `127.0.0.1:${pebble.tlsPort}`,
          mode: 'l7',
          pool: 'web',
          tls: { acme: { domains: ['a.example.com', '127.0.0.1'] } }
        }
      ],
      pools: { web: { backends: [origin.address] } }
    })
    const ca = await pebble.root()
    const first = await until(() => shown(pebble.tlsPort, 'a.example.com', ca))
    t.ok(first.authorized)
    // Its window is over: renewed at once, and the next one's is not.
    await until(async () => (orders().length >= 4 ? ((past = false), true) : undefined))
    const second = await until(async () => {
      const now = await shown(pebble.tlsPort, 'a.example.com', ca)
      return now?.certificate.serialNumber === first.certificate.serialNumber ? undefined : now
    })
    t.ok(second.authorized)
    const asked = orders().map(({ payload }) => payload)
    for (const each of asked) t.equal(each['profile'], 'shortlived')
    const replaced = asked.map(({ replaces }) => replaces)
    t.same(replaced.slice(0, 2), [undefined, undefined])
    for (const each of replaced.slice(2)) t.type(each, 'string', 'it names the certificate that it replaces')
    t.equal(new Set(replaced.slice(2)).size, replaced.length - 2, 'and each is replaced once')
    const [account, ...more] = front.asked.filter(({ path }) => path === '/sign-me-up')
    t.hasOwnProps(account!.payload['externalAccountBinding'] as object, ['protected', 'payload', 'signature'])
    t.same(more, [], 'one account')
    const warned = lb.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)
    t.match(warned[0], /^certificate of .*: 127\.0\.0\.1:1 cannot be reached: connect ECONNREFUSED/)
    t.ok(
      warned.some((message) => /it has no profile shortlived$/.test(message)),
      'and why the second was not taken'
    )
    const [admin] = lb.running.adminAddresses
    const certificates = await until(async () => {
      const answer = await fetch(`http://${admin}/api/certificates`)
      const views = ((await answer.json()) as { certificates: NameView[] }).certificates
      return views.every(({ state, text }) => state === 'valid' && !/year/.test(text)) ? views : undefined
    })
    t.match(certificates, [{ name: 'a.example.com' }, { name: '127.0.0.1' }])
    for (const { text, failures } of certificates) {
      t.match(text, /^authorised by tls-alpn-01, renews in (1 day|\d+ (days|hours))$/)
      t.equal(failures, 0)
    }
  }
)
