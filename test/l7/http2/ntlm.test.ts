import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import t from 'tap'
import { get, keepAlive } from '../../e2e/clients.ts'
import { httpOrigin, startLb, until } from '../../e2e/servers.ts'

t.test('connections that a client of HTTP/2 has authenticated answer its own streams alone, and go with it', async (t) => {
  const users = new WeakMap<Socket, string>()
  const held: (() => void)[] = []
  const origin = await httpOrigin(t, 'a', ({ headers, socket, url }, response) => {
    if (headers.authorization !== undefined) users.set(socket, headers.authorization.slice('NTLM '.length))
    const answer = (): void => void response.end(users.get(socket) ?? 'nobody')
    // In a crowd all are under way at the same time.
    if (!url!.startsWith('/crowd')) return answer()
    held.push(answer)
    if (held.length === 12) for (const each of held.splice(0)) each()
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], pool: 'p' }],
    pools: { p: { backends: [origin.address], connections: { pipelining: 4 }, retry: false } }
  })
  const dial = (): ClientHttp2Session => {
    const session = connectHttp2(`http://127.0.0.1:${lb.port('web')}`)
    t.teardown(() => session.destroy())
    return session
  }
  const ask = (session: ClientHttp2Session, path: string, user?: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const authorization = user === undefined ? {} : { authorization: `NTLM ${user}` }
      const stream = session.request({ ':path': path, ...authorization })
      let body = ''
      stream.setEncoding('utf8').on('data', (part: string) => (body += part))
      stream.on('end', () => resolve(body)).on('error', reject)
    })
  const [alice, bob, stranger] = [dial(), dial(), keepAlive(t, 4)]
  t.equal(await ask(alice, '/', 'alice'), 'alice')
  t.equal(await ask(alice, '/'), 'alice', 'its connection, one request after the other')
  t.equal(await ask(bob, '/', 'bob'), 'bob')
  for (let round = 0; round < 3; round++) {
    const crowd = await Promise.all([
      ...Array.from({ length: 3 }, () => ask(alice, '/crowd', round === 1 ? 'alice' : undefined)),
      ...Array.from({ length: 3 }, () => ask(bob, '/crowd')),
      ...Array.from({ length: 6 }, async () => (await get(lb.port('web'), '/crowd', keepAlive(t, 1))).body)
    ])
    t.notOk(crowd.slice(0, 3).includes('bob'), crowd.join())
    t.notOk(crowd.slice(3, 6).includes('alice'), crowd.join())
    t.strictSame(new Set(crowd.slice(6)), new Set(['nobody']))
  }
  alice.destroy()
  bob.destroy()
  const own = () => [...origin.sockets].filter((socket) => users.has(socket)).length
  await until(() => own() === 0, 'they are closed')
  for (let i = 0; i < 4; i++) t.equal((await get(lb.port('web'), '/', stranger)).body, 'nobody')
}) // prettier-ignore
