import t from 'tap'
import {
  answering,
  eventually,
  get,
  labOf,
  OK,
  rawBackend,
  type Lab,
  type RawBackend,
  type RawClient
} from './lab.ts'
import { resetSocket } from '../../reset-socket.ts'

/** Where an exchange stands when one side is killed. */
interface Phase {
  readonly name: string
  readonly request: string
  /** What the backend sends once it has the request's head. */
  readonly answer: string
  /** Holds once the phase is reached. */
  reached(client: RawClient, backend: RawBackend): boolean
  /** What the client must have been told when the backend dies; undefined: a broken message. */
  readonly status: number | undefined
}

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello'
const got = (backend: RawBackend, text: string): boolean =>
  backend.connections.at(-1)?.received.includes(text) ?? false

const phases: Phase[] = [
  { name: 'request sent', request: get(), answer: '', reached: (_c, b) => got(b, '\r\n\r\n'), status: 502 },
  {
    name: 'within the request body',
    request: POST,
    answer: '',
    reached: (_c, b) => got(b, 'hello'),
    status: 502
  },
  {
    name: 'within the response head',
    request: get(),
    answer: 'HTTP/1.1 200 OK\r\nConte',
    reached: (_c, b) => got(b, '\r\n\r\n'),
    status: 502
  },
  {
    name: 'within a body with a length',
    request: get(),
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart',
    reached: (c) => c.received.endsWith('part'),
    status: undefined
  },
  {
    name: 'within a chunked body',
    request: get(),
    answer: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
    reached: (c) => c.received.endsWith('part\r\n'),
    status: undefined
  },
  {
    name: 'response before the request has ended',
    request: POST,
    answer: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart',
    reached: (c) => c.received.endsWith('part'),
    status: undefined
  }
]

const ways = {
  reset: (client: RawClient) => resetSocket(client.socket),
  FIN: (client: RawClient) => client.socket.destroy()
}

async function nothingLeft(lab: Lab): Promise<void> {
  await eventually(() => lab.active === 0, 'leases given back')
  await eventually(() => lab.engine.connections === 0, 'downstream connections closed')
  await eventually(() => lab.open === 0, 'upstream connections closed')
  await eventually(() => lab.deadlines.size === 0, 'deadlines removed')
}

for (const [way, kill] of Object.entries(ways)) {
  t.test(`a client that is gone (${way}) takes its upstream request along`, async (t) => {
    for (const phase of phases) {
      const backend = await rawBackend(answeringHead(phase.answer))
      const lab = await labOf([backend], { pool: { breaker: { failures: 1, open: '10s' } } })
      const client = await lab.client()
      client.send(phase.request)
      await client.until((c) => phase.reached(c, backend), phase.name)
      kill(client)
      await eventually(() => backend.connections[0]!.ended || backend.connections[0]!.closed, 'backend told')
      await nothingLeft(lab)
      t.equal(
        lab.pools.get('web')!.backends[0]!.breaker,
        'closed',
        `${phase.name}: the backend is not blamed`
      )
      await lab.close()
      await backend.close()
    }
  })

  t.test(`a backend that is gone (${way}) is told to the client truly`, async (t) => {
    for (const phase of phases) {
      const backend = await rawBackend(answeringHead(phase.answer))
      const lab = await labOf([backend], { pool: { retry: false } })
      const client = await lab.client()
      client.send(phase.request)
      await client.until((c) => phase.reached(c, backend), phase.name)
      kill(backend.connections[0]!)
      if (phase.status !== undefined) {
        await client.text('\r\n\r\n')
        t.match(client.received, new RegExp(`^HTTP/1.1 ${phase.status} `), phase.name)
      } else {
        await client.until((c) => c.ended || c.closed, `${phase.name}: end`)
        t.notMatch(client.received, /0\r\n\r\n$/, `${phase.name}: not told to be whole`)
        t.ok(client.received.length < 200)
      }
      client.socket.destroy()
      await nothingLeft(lab)
      await lab.close()
      await backend.close()
    }
  })
}

function answeringHead(answer: string) {
  return (connection: RawClient): void => {
    let done = false
    connection.socket.on('data', () => {
      if (done || answer === '' || !connection.received.includes('\r\n\r\n')) return
      done = true
      connection.send(answer)
    })
  }
}

t.test('a body that lasts until the close ends with a reset when the backend breaks off', async (t) => {
  const backend = await rawBackend(answeringHead('HTTP/1.0 200 OK\r\n\r\npart'))
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send('GET / HTTP/1.0\r\n\r\n')
  await client.text('part')
  resetSocket(backend.connections[0]!.socket)
  await client.until((c) => c.closed, 'close')
  t.equal(client.error?.code, 'ECONNRESET')
})

t.test('a dead backend is left out and the next one asked', async (t) => {
  const dead = await rawBackend(() => {})
  await dead.close()
  const alive = await rawBackend(answering(() => OK))
  t.teardown(() => alive.close())
  const lab = await labOf([dead, alive], { pool: { breaker: false } })
  t.teardown(() => lab.close())
  for (let i = 0; i < 6; i++) {
    const client = await lab.client()
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
    await client.text('\r\n\r\nok')
  }
  t.ok(alive.connections[0]!.received.includes('hello'))
})

t.test('a reset before the answer is tried elsewhere when the method allows', async (t) => {
  const bad = await rawBackend(
    answering((_head, connection) => {
      resetSocket(connection.socket)
      return ''
    })
  )
  t.teardown(() => bad.close())
  const good = await rawBackend(answering(() => OK))
  t.teardown(() => good.close())
  const lab = await labOf([bad, good], { pool: { breaker: false } })
  t.teardown(() => lab.close())

  t.test('PUT with its body', async (t) => {
    const client = await lab.client()
    client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
    await client.text('\r\n\r\nok')
    t.match(good.connections[0]!.received, /hello$/)
  })

  t.test('POST is not', async (t) => {
    const answers: string[] = []
    for (let i = 0; i < 2; i++) {
      const client = await lab.client()
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello')
      await client.text('\r\n\r\n')
      answers.push(client.received.slice(9, 12))
    }
    t.same(answers.sort(), ['200', '502'])
  })
})

t.test('a kept connection that the backend has closed costs no request', async (t) => {
  const backend = await rawBackend(
    answering((_head, connection) => {
      if (backend.connections.length === 1 && connection.received.split('GET').length > 2) {
        connection.socket.destroy()
        return ''
      }
      return OK
    })
  )
  t.teardown(() => backend.close())
  const lab = await labOf([backend], { pool: { retry: false } })
  t.teardown(() => lab.close())
  const client = await lab.client()
  client.send(get())
  await client.text('ok')
  client.send(get())
  await client.until((c) => c.received.endsWith('ok') && c.received.length > 150, 'second answer')
  t.equal(backend.connections.length, 2)
  t.notMatch(client.received, /502/)
})

t.test('answers that break framing are 502 and their connection is dropped', async (t) => {
  const broken = [
    'HTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 20 OK\r\n\r\n',
    'HTTP/2.0 200 OK\r\n\r\n',
    'nonsense\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n',
    'HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n'
  ]
  for (const answer of broken) {
    const backend = await rawBackend(answering(() => answer))
    const lab = await labOf([backend])
    const client = await lab.client()
    client.send(get())
    await client.text('\r\n\r\n')
    t.match(client.received, /^HTTP\/1.1 502 /, JSON.stringify(answer.slice(0, 40)))
    await eventually(() => lab.open === 0 && lab.active === 0, 'dropped')
    await lab.close()
    await backend.close()
  }
})

t.test('bytes after a response never become another answer', async (t) => {
  const backend = await rawBackend(answering(() => OK + 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'))
  t.teardown(() => backend.close())
  const lab = await labOf([backend])
  t.teardown(() => lab.close())
  for (let i = 0; i < 5; i++) {
    const client = await lab.client()
    client.send(get())
    await client.text('\r\n\r\nok')
    t.notMatch(client.received, /poison/)
  }
})
