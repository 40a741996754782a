import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { once } from 'node:events'
import t from 'tap'
import { Resolvers } from '../../src/discovery/dns.ts'
import { DnsServer } from './dns-server.ts'

t.setTimeout(60_000)

t.test('a server that hangs is waited for once, and servers that change count at once', async (t) => {
  const hanging = createSocket('udp4')
  let asked = 0
  hanging.on('message', () => asked++)
  hanging.bind(0, '127.0.0.1')
  await once(hanging, 'listening')
  t.teardown(() => hanging.close())
  const server = await DnsServer.start(t, ['10.0.0.1'])
  const other = await DnsServer.start(t, ['10.0.0.2'])
  let ports = [hanging.address().port, server.port]
  // As if it had read the system's servers.
  const resolvers = new Resolvers(() => {
    const resolver = new Resolver({ timeout: 1000, tries: 2 })
    resolver.setServers(ports.map((port) => `127.0.0.1:${port}`))
    return resolver
  })
  for (let i = 0; i < 6; i++) t.same(await resolvers.current.resolve4('site.test'), ['10.0.0.1'])
  // c-ares looks now and then whether it is back, beside the answer of another.
  t.ok(asked >= 1 && asked <= 3, `${asked} of 6 look-ups asked it`)
  ports = [other.port]
  t.same(await resolvers.current.resolve4('site.test'), ['10.0.0.2'])
})
