import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import t from 'tap'
import { TicketKeys } from '../../../src/net/tls/ticket-keys.ts'
import { testCertificates } from '../certificates.ts'

const pki = testCertificates()
const pair = pki.leaf('a.test')

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(
    `tickets of the key in force and of the one before are taken, others are not (${version})`,
    async (t) => {
      const here = TicketKeys.create(true)
      // As another thread sees it.
      const there = new TicketKeys(here.memory)
      const contexts = [here, there].map((keys) => {
        const context = createSecureContext({ cert: pair.cert, key: pair.key })
        keys.for('one').use(context)
        return context
      })
      const foreign = createSecureContext({ cert: pair.cert, key: pair.key })
      here.for('another').use(foreign)
      let next = contexts[0]!
      const server = createServer((socket) => {
        const tls = new TLSSocket(socket, { isServer: true, secureContext: next })
        tls.on('error', () => {})
        tls.end('hello')
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      t.teardown(() => server.close())
      const { port } = server.address() as AddressInfo

      let session: Buffer | undefined
      const resumes = async (context: typeof next): Promise<boolean> => {
        next = context
        const versions = { minVersion: version, maxVersion: version }
        const socket = connect({
          port,
          host: '127.0.0.1',
          servername: 'a.test',
          ca: pki.ca,
          session,
          ...versions
        })
        socket.on('session', (ticket: Buffer) => (session = ticket))
        await once(socket, 'secureConnect')
        const reused = socket.isSessionReused()
        // A new ticket for a resumed session is not told as an event there.
        if (version === 'TLSv1.2') session = socket.getSession()
        socket.resume()
        await once(socket, 'close')
        return reused
      }
      t.notOk(await resumes(contexts[0]!), 'nothing to resume yet')
      t.ok(await resumes(contexts[1]!), 'in the other thread')
      here.rotate()
      t.ok(await resumes(contexts[1]!), 'after a rotation')
      here.rotate()
      t.ok(await resumes(contexts[0]!), 'by the ticket that was made anew')
      here.rotate()
      here.rotate()
      t.notOk(await resumes(contexts[1]!), 'too old')
      t.notOk(await resumes(foreign), "another listener's")
      t.ok(await resumes(foreign))
    }
  )
}
