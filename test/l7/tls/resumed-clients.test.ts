import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type SecureVersion } from 'node:tls'
import t, { type Test } from 'tap'
import { httpOrigin, startLb } from '../../e2e/servers.ts'
import { testCertificates, type TestCertificate } from '../../net/certificates.ts'

const pki = testCertificates()
const others = testCertificates()
const server = pki.leaf('a.test')
const alice = pki.issue({ subject: '/CN=alice' })
const bob = pki.issue({ subject: '/CN=bob' })
const stranger = others.issue({ subject: '/CN=stranger' })

interface Met {
  readonly text: string
  readonly resumed: boolean
  readonly session: Buffer | undefined
}

/** One request over a connection of its own. */
async function meet(t: Test, port: number, options: ConnectionOptions): Promise<Met> {
  const socket = connect({ port, host: '127.0.0.1', ca: pki.ca, servername: 'a.test', ...options })
  t.teardown(() => socket.destroy())
  let [text, resumed] = ['', false]
  let session: Buffer | undefined
  socket.on('error', () => {})
  socket.on('session', (made: Buffer) => (session = made))
  socket.on('secureConnect', () => (resumed = socket.isSessionReused()))
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  await once(socket, 'close').catch(() => {})
  return { text, resumed, session }
}

const LET_IN = /^HTTP\/1\.1 200 /
const MODES = ['l7', 'l4'] as const
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const

/** For each kind of listener and version of TLS. */
async function each(run: (mode: 'l7' | 'l4', versions: ConnectionOptions, what: string) => Promise<void>) {
  for (const mode of MODES)
    for (const version of VERSIONS as readonly SecureVersion[])
      await run(mode, { minVersion: version, maxVersion: version }, `${mode} ${version}`)
}

async function begin(t: Test, clientAuth: object | undefined, more: readonly object[] = []) {
  const origin = await httpOrigin(t, 'web')
  const config = (auth: object | undefined): object => ({
    workers: 0,
    listeners: [
      ...MODES.map((mode) => ({
        ...{ name: mode, bind: '127.0.0.1:0', mode, pool: 'web' },
        tls: { certificates: [server.files], ...(auth && { clientAuth: auth }) }
      })),
      ...more
    ],
    pools: { web: { backends: [origin.address] } }
  })
  const lb = await startLb(t, config(clientAuth))
  return { lb, change: (auth: object | undefined) => lb.apply(config(auth)) }
}

/** Sessions of `who`, resumed once, so that they are known to be good. */
async function sessions(t: Test, port: number, options: ConnectionOptions, what: string): Promise<Buffer> {
  const first = await meet(t, port, options)
  t.match(first.text, LET_IN, `${what}: full`)
  const second = await meet(t, port, { ...options, session: first.session! })
  t.match(second.text, LET_IN, `${what}: resumed`)
  t.ok(second.resumed, `${what}: resumed`)
  return second.session ?? first.session!
}

t.test('a session does not outlive the right to come in', async (t) => {
  const folder = t.testdir({})
  const crl = join(folder, 'clients.crl')
  writeFileSync(crl, pki.crl())
  const { lb, change } = await begin(t, { ca: pki.caFile, crl })
  const held = new Map<string, Buffer>()
  const hold = async (who: TestCertificate, label: string) =>
    each(async (mode, versions, what) => {
      held.set(`${label} ${what}`, await sessions(t, lb.port(mode), { ...versions, ...who }, what))
    })
  await hold(alice, 'alice')
  await hold(bob, 'bob')

  t.test('a client that is on a new revocation list', async (t) => {
    writeFileSync(crl, pki.crl(bob))
    const end = Date.now() + 20_000
    while (Date.now() < end && LET_IN.test((await meet(t, lb.port('l4'), bob)).text)) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await each(async (mode, versions, what) => {
      const session = held.get(`bob ${what}`)!
      const there = await meet(t, lb.port(mode), { ...versions, ...bob, session })
      t.notMatch(there.text, LET_IN, what)
      t.notMatch((await meet(t, lb.port(mode), { ...versions, session })).text, LET_IN, `${what}, bare`)
      const known = { ...versions, ...alice, session: held.get(`alice ${what}`)! }
      t.match((await meet(t, lb.port(mode), known)).text, LET_IN, `${what}: others come in`)
    })
  })

  t.test('one whose authority is no longer accepted', async (t) => {
    await hold(alice, 'alice')
    await change({ ca: others.caFile })
    await each(async (mode, versions, what) => {
      const session = held.get(`alice ${what}`)!
      t.notMatch((await meet(t, lb.port(mode), { ...versions, ...alice, session })).text, LET_IN, what)
      t.match((await meet(t, lb.port(mode), { ...versions, ...stranger })).text, LET_IN, what)
    })
  })

  t.test('one without a certificate, once they are required', async (t) => {
    for (const before of [undefined, { ca: pki.caFile, required: false }]) {
      await change(before)
      for (const mode of MODES)
        for (const version of VERSIONS) {
          const versions = { minVersion: version, maxVersion: version }
          held.set(`${mode} ${version}`, await sessions(t, lb.port(mode), versions, mode))
        }
      await change({ ca: pki.caFile })
      await each(async (mode, versions, what) => {
        const session = held.get(what)!
        for (const who of [{}, stranger]) {
          const { text, resumed } = await meet(t, lb.port(mode), { ...versions, ...who, session })
          t.notMatch(text, LET_IN, what)
          t.notOk(resumed, what)
        }
      })
    }
  })
})

t.test('a session of one listener is none of another that asks for certificates', async (t) => {
  const open = MODES.map((mode) => ({
    ...{ name: `open-${mode}`, bind: '127.0.0.1:0', mode, pool: 'web' },
    tls: { certificates: [server.files] }
  }))
  const { lb } = await begin(t, { ca: pki.caFile }, open)
  await each(async (mode, versions, what) => {
    const session = await sessions(t, lb.port(`open-${mode}`), versions, what)
    for (const to of MODES) {
      const there = await meet(t, lb.port(to), { ...versions, session })
      t.notMatch(there.text, LET_IN, `${what} to ${to}`)
      t.notOk(there.resumed)
    }
  })
})

/** Runs `run` with a clock that is `days` ahead for lb; OpenSSL has the system's. */
async function later(days: number, run: () => Promise<void>): Promise<void> {
  const { now } = Date
  Date.now = () => now() + days * 86_400_000
  try {
    await run()
  } finally {
    Date.now = now
  }
}

t.test('a session outlives neither its certificate nor the revocation list', async (t) => {
  const crl = join(t.testdir({}), 'clients.crl')
  writeFileSync(crl, pki.crl())
  // Certificates and lists of the test are for 30 days.
  for (const clientAuth of [{ ca: pki.caFile }, { ca: pki.caFile, crl }]) {
    const { lb } = await begin(t, clientAuth)
    const held = new Map<string, Buffer>()
    await each(async (mode, versions, what) => {
      held.set(what, await sessions(t, lb.port(mode), { ...versions, ...alice }, what))
    })
    await later(31, () =>
      each(async (mode, versions, what) => {
        const options = { ...versions, ...alice, session: held.get(what)! }
        const { text, resumed } = await meet(t, lb.port(mode), options)
        if ('crl' in clientAuth) t.notOk(resumed, `${what}: OpenSSL looks at the list again`)
        else t.notMatch(text, LET_IN, what)
      })
    )
  }
})

t.test('an optional certificate that has expired counts as none in a session too', async (t) => {
  const origin = await httpOrigin(t, 'web')
  const lb = await startLb(t, {
    workers: 0,
    listeners: [
      {
        ...{ name: 'l7', bind: '127.0.0.1:0', mode: 'l7' },
        tls: { certificates: [server.files], clientAuth: { ca: pki.caFile, required: false } },
        routes: [{ match: { clientCert: '*' }, respond: { status: 200, body: 'known' } }, { pool: 'web' }]
      }
    ],
    pools: { web: { backends: [origin.address] } }
  })
  for (const version of VERSIONS) {
    const options = { ...alice, minVersion: version, maxVersion: version }
    const { text, session } = await meet(t, lb.port('l7'), options)
    t.match(text, /known$/)
    await later(31, async () => {
      const { text, resumed } = await meet(t, lb.port('l7'), { ...options, session: session! })
      t.ok(resumed)
      t.match(text, /web$/, version)
    })
  }
})
