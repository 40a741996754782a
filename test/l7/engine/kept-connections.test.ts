import t from 'tap'
import type { Test } from 'tap'
import type { Lookup } from '../../../src/net/dial/lookup.ts'
import { answering, eventually, get, labOf, OK, rawBackend, type RawBackend, type RawClient } from './lab.ts'
import { authenticatesConnection } from '../../../src/l7/forward/client-ties.ts'

const EMPTY = 'Content-Length: 0\r\n\r\n'

/** Answers with the number of the connection that a request came on, and challenges who is not known there. */
async function numbered(t: Test, answer: (head: string) => string): Promise<RawBackend> {
  const numbers = new Map<RawClient, number>()
  const backend = await rawBackend((connection) => {
    numbers.set(connection, numbers.size + 1)
    answering((head) => answer(head).replace('\r\n', `\r\nX-Connection: ${numbers.get(connection)}\r\n`))(
      connection
    )
  })
  t.teardown(() => backend.close())
  return backend
}

/** The number of the connection that answers `request`. */
async function ask(client: RawClient, request: string): Promise<number> {
  client.received = ''
  client.send(request)
  await client.text('\r\n\r\n')
  return Number(/X-Connection: (\d+)/.exec(client.received)![1])
}

const ntlm = (type: number) => get('/', `Authorization: NTLM TlRMTVNTUAA${type}\r\n`)

t.test('a connection that one client has authenticated answers no other', async (t) => {
  const backend = await numbered(t, (head) =>
    /authorization: basic/i.test(head)
      ? OK
      : /authorization/i.test(head) || head.startsWith('GET /open')
        ? `HTTP/1.1 200 OK\r\n${EMPTY}`
        : `HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="a"\r\nWWW-Authenticate: NTLM\r\n${EMPTY}`
  )

  t.test('from the first Authorization on', async (t) => {
    const lab = await labOf([backend])
    t.teardown(() => lab.close())
    const [one, other] = [await lab.client(), await lab.client()]
    const own = await ask(one, ntlm(1))
    t.not(await ask(other, get('/open')), own)
    t.equal(await ask(one, ntlm(3)), own, 'the handshake stays on its connection')
    t.equal(await ask(one, get('/open')), own, 'and so does what follows without the field')
    t.not(await ask(other, ntlm(1)), own)
    t.equal(lab.open, 2)
    one.socket.destroy()
    other.socket.destroy()
    await eventually(() => lab.open === 0, 'both close with their clients')
  })

  t.test('from the challenge on', async (t) => {
    const lab = await labOf([backend])
    t.teardown(() => lab.close())
    const [one, other] = [await lab.client(), await lab.client()]
    const own = await ask(one, get())
    t.match(one.received, '401')
    t.not(await ask(other, get('/open')), own)
    t.equal(await ask(one, ntlm(1)), own)
  })

  t.test('nor do requests that its client pipelines go elsewhere', async (t) => {
    const lab = await labOf([backend])
    t.teardown(() => lab.close())
    const one = await lab.client()
    one.send(ntlm(1) + ntlm(3) + get('/open') + get('/open'))
    await eventually(() => one.received.split('HTTP/1.1 200').length === 5, 'all are answered')
    const numbers = [...one.received.matchAll(/X-Connection: (\d+)/g)].map(([, number]) => number)
    t.equal(new Set(numbers).size, 1, numbers.join())
    t.equal(lab.open, 1)
  })

  t.test('other schemes are of the request', async (t) => {
    const lab = await labOf([backend])
    t.teardown(() => lab.close())
    const [one, other] = [await lab.client(), await lab.client()]
    const first = await ask(one, get('/', 'Authorization: Basic YTpi\r\n'))
    t.equal(await ask(other, get('/open')), first)
  })
})

t.test('nor where requests are pipelined to backends, whoever came first', async (t) => {
  const held: (() => void)[] = []
  const who: string[] = []
  // Answers once it is told to; says whom it takes its connection for.
  const backend = await rawBackend((connection) => {
    let user = 'nobody'
    answering((head) => {
      user = /authorization: ntlm (\w+)/i.exec(head)?.[1] ?? user
      who.push(`${/GET (\S+)/.exec(head)![1]} as ${user}`)
      const answer = `HTTP/1.1 200 OK\r\nX-Connection: 1\r\n${EMPTY}`
      if (!head.startsWith('GET /slow')) return answer
      held.push(() => connection.send(answer))
      return ''
    })(connection)
  })
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { pool: { connections: { pipelining: 8 } } })
  t.teardown(() => lab.close())
  const [one, other, third] = [await lab.client(), await lab.client(), await lab.client()]
  other.send(get('/slow'))
  await eventually(() => held.length === 1, 'one is under way')
  // Several at once of one client, which has shown who it is.
  one.send(get('/a', 'Authorization: NTLM alice\r\n'))
  await one.text('\r\n\r\n')
  one.send(get('/b') + get('/c'))
  await eventually(() => one.received.split('HTTP/1.1 200').length === 4, 'all three')
  for (let i = 0; i < 4; i++) await ask(third, get(`/third${i}`))
  for (const release of held) release()
  await other.text('\r\n\r\n')
  await ask(other, get('/other'))
  const alice = who.filter((line) => line.endsWith('as alice'))
  t.ok(alice.length > 1, alice.join())
  t.strictSame(
    alice.filter((line) => !/^\/[abc] /.test(line)),
    [],
    'nobody else is taken for her'
  )
})

t.test('nor where backends are sent a PROXY header', async (t) => {
  const backend = await numbered(t, () => `HTTP/1.1 200 OK\r\n${EMPTY}`)
  const lab = await labOf([backend], { pool: { proxyProtocol: 'v1' } })
  t.teardown(() => lab.close())
  const [one, other] = [await lab.client(), await lab.client()]
  const own = await ask(one, ntlm(1))
  t.equal(await ask(one, ntlm(3)), own)
  t.not(await ask(other, get('/open')), own)
})

t.test('a client comes back to the backend that knows its connection', async (t) => {
  const serve = answering(() => `HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n${EMPTY}`)
  const backends = [await rawBackend(serve), await rawBackend(serve), await rawBackend(serve)]
  const lab = await labOf(backends)
  t.teardown(() => Promise.all([lab.close(), ...backends.map((backend) => backend.close())]))
  const client = await lab.client()
  for (let i = 1; i <= 4; i++) {
    client.send(get('/', 'Authorization: Negotiate YQ==\r\n'))
    await eventually(() => client.received.split('HTTP/1.1 401').length === i + 1, 'an answer')
  }
  t.equal(backends.flatMap(({ connections }) => connections).length, 1)
})

t.test('a private connection gives its place up where places are few', async (t) => {
  const backend = await numbered(t, () => `HTTP/1.1 200 OK\r\n${EMPTY}`)
  const lab = await labOf([{ ...backend, address: backend.address }], {
    pool: {
      backends: [{ address: backend.address, maxConnections: 1 }],
      timeouts: { connect: '2s' }
    }
  })
  t.teardown(() => lab.close())
  const [one, other] = [await lab.client(), await lab.client()]
  t.equal(await ask(one, ntlm(1)), 1)
  other.send(get())
  await eventually(
    () => lab.upstreams.shed({ pool: 'web', name: backend.address }),
    'as the other worker asks'
  )
  await other.text('HTTP/1.1 200')
  t.match(other.received, 'X-Connection: 2')
})

t.test('a connection serves as many requests and as long as it may', async (t) => {
  const backend = await numbered(t, () => OK)

  t.test('maxRequests', async (t) => {
    const lab = await labOf([backend], { pool: { connections: { maxRequests: 3 } } })
    t.teardown(() => lab.close())
    const client = await lab.client()
    const numbers = []
    for (let i = 0; i < 7; i++) numbers.push(await ask(client, get()))
    const first = numbers[0]!
    t.strictSame(
      numbers.map((number) => number - first),
      [0, 0, 0, 1, 1, 1, 2]
    )
  })

  t.test('maxAge', async (t) => {
    const lab = await labOf([backend], { pool: { connections: { maxAge: '1s' } } })
    t.teardown(() => lab.close())
    const client = await lab.client()
    const first = await ask(client, get())
    t.equal(await ask(client, get()), first)
    await eventually(() => lab.open === 0, 'it closes while it is idle')
    t.not(await ask(client, get()), first)
  })
})

t.test('a connection to an address that its name no longer has ends when it is idle', async (t) => {
  const old = await rawBackend(answering(() => OK))
  const young = await rawBackend(
    answering(() => OK),
    { host: '127.0.0.2', port: old.port }
  )
  let address = '127.0.0.1'
  let error: NodeJS.ErrnoException | null = null
  const lookup: Lookup = (_name, options, callback) =>
    process.nextTick(() => {
      if (error !== null) callback(error, [])
      else if (options.all === true) callback(null, [{ address, family: 4 }])
      else callback(null, address, 4)
    })
  const lab = await labOf([`backend.test:${old.port}`], { lookup })
  t.teardown(() => Promise.all([lab.close(), old.close(), young.close()]))
  const client = await lab.client()
  const go = async (): Promise<void> => {
    client.received = ''
    client.send(get())
    await client.text('ok')
  }
  await go()
  error = new Error('resolver')
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await go()
  await go()
  t.equal(old.connections.length, 1, 'a resolver that fails changes nothing')
  error = null
  address = '127.0.0.2'
  const late = AbortSignal.timeout(5_000)
  while (young.connections.length === 0 && !late.aborted) await go()
  t.equal(young.connections.length, 1)
  await eventually(() => old.connections[0]!.ended, 'the old one is closed')
  t.equal(old.connections.length, 1)
})

t.test('schemes that authenticate a connection are known in every spelling', async (t) => {
  for (const value of [
    'NTLM a',
    'negotiate a',
    'Nego2 a',
    'Kerberos',
    'Basic realm="a", NTLM',
    'Basic a,\tNego2 b'
  ])
    t.equal(authenticatesConnection(value), true, value)
  for (const value of ['Basic a', 'Bearer ntlm', 'Digest realm="negotiate"', 'ntlm-like a', undefined])
    t.equal(authenticatesConnection(value), false, value ?? 'none')
})

for (const maxConnections of [undefined, 3]) {
  const name = maxConnections === undefined ? '' : `, ${maxConnections} connections at most`
  t.test(`a backend that closes every kept connection at its second request${name}`, async (t) => {
    const heads = new Map<RawClient, number>()
    const backend = await rawBackend(
      answering((_, connection) => {
        const before = heads.get(connection) ?? 0
        heads.set(connection, before + 1)
        if (before === 0) return OK
        connection.socket.destroy()
        return ''
      })
    )
    const address = { address: backend.address, ...(maxConnections !== undefined && { maxConnections }) }
    const lab = await labOf([], { pool: { backends: [address], retry: false } })
    t.teardown(() => Promise.all([lab.close(), backend.close()]))
    const clients = await Promise.all([lab.client(), lab.client(), lab.client()])
    let answers = 0
    for (let round = 0; round < 10; round++) {
      // Several are idle then, and the one that is closed is not followed by another of them.
      const asking = round % 2 === 0 ? clients : clients.slice(0, 1)
      answers += asking.length
      await Promise.all(
        asking.map(async (client) => {
          client.received = ''
          client.send(get())
          await client.text('\r\n\r\nok')
          t.match(client.received, /^HTTP\/1.1 200/)
        })
      )
    }
    t.equal(heads.size, answers)
    t.equal(lab.active, 0)
  })
}
