import t from 'tap'
import { answering, get, labOf, OK, rawBackend } from './lab.ts'

const head503 = 'HTTP/1.1 503 Service Unavailable\r\n'

t.test('an answer without a body that is not wanted ends no worker', async (t) => {
  const answers: Record<string, string> = {
    'Content-Length: 0': `${head503}Content-Length: 0\r\n\r\n`,
    'no length, to a HEAD': `${head503}\r\n`,
    'behind interim responses': `HTTP/1.1 103 Early Hints\r\n\r\n${head503}Content-Length: 0\r\n\r\n`,
    'a whole body in the same read': `${head503}Content-Length: 2\r\n\r\nno`,
    'chunks in the same read': `${head503}Transfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n`
  }
  for (const [name, answer] of Object.entries(answers)) {
    t.test(name, async (t) => {
      let asked = 0
      const serve = answering(() => (asked++ === 0 ? answer : 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'))
      const backends = [await rawBackend(serve), await rawBackend(serve)]
      const lab = await labOf(backends, { pool: { retry: { attempts: 1, on: [503] } } })
      t.teardown(() => Promise.all([lab.close(), ...backends.map((backend) => backend.close())]))
      const client = await lab.client()
      client.send(name.includes('HEAD') ? get().replace('GET', 'HEAD') : get())
      await client.text('HTTP/1.1 200')
      t.equal(asked, 2)
      t.equal(lab.active, 0)
    })
  }
})

t.test('the backend of the second try is not blamed for the first', async (t) => {
  let asked = 0
  const serve = answering(() => (asked++ % 2 === 0 ? `${head503}Content-Length: 0\r\n\r\n` : OK))
  const backends = [await rawBackend(serve), await rawBackend(serve)]
  const lab = await labOf(backends, {
    pool: { retry: { attempts: 1, on: [503] }, breaker: { statuses: [503] } }
  })
  t.teardown(() => Promise.all([lab.close(), ...backends.map((backend) => backend.close())]))
  const client = await lab.client()
  client.send(get())
  await client.text('HTTP/1.1 200')
  t.strictSame(
    lab.outcomes.map((line) => line.split(' ')[1]),
    ['bad-status']
  )
})

t.test('no answer in time on a kept connection is a timeout', async (t) => {
  const heads: string[] = []
  const backend = await rawBackend(
    answering((head) => {
      heads.push(head.slice(0, head.indexOf(' ')))
      return head.startsWith('GET /first') ? OK : ''
    })
  )
  const pool = { timeouts: { response: '100ms' }, retry: false }
  const lab = await labOf([backend], { pool })
  t.teardown(() => Promise.all([lab.close(), backend.close()]))
  const client = await lab.client()
  client.send(get('/first'))
  await client.text('ok')
  const since = performance.now()
  client.send(get('/hangs').replace('GET', 'DELETE'))
  await client.text('HTTP/1.1 504')
  t.strictSame(heads, ['GET', 'DELETE'], 'the backend sees it once')
  t.ok(performance.now() - since < 10_000)
  t.strictSame(lab.outcomes, [`${backend.address} timeout`])
})

t.test('the time for an answer lasts until its head is whole', async (t) => {
  const slow: Record<string, { begin: string; more: string }> = {
    'a head that comes byte by byte': { begin: 'HTTP/1.1 200 OK\r\nX-Long: ', more: 'a' },
    'interim responses without end': { begin: '', more: 'HTTP/1.1 103 Early Hints\r\n\r\n' }
  }
  for (const [name, { begin, more }] of Object.entries(slow)) {
    t.test(name, async (t) => {
      const timers: NodeJS.Timeout[] = []
      const backend = await rawBackend((connection) => {
        connection.socket.once('data', () => {
          connection.send(begin)
          timers.push(setInterval(() => connection.send(more), 150))
        })
      })
      const lab = await labOf([backend], { pool: { timeouts: { response: '200ms' }, retry: false } })
      t.teardown(() => {
        for (const timer of timers) clearInterval(timer)
        return Promise.all([lab.close(), backend.close()])
      })
      const client = await lab.client()
      const since = performance.now()
      client.send(get())
      await client.text('HTTP/1.1 504')
      t.ok(performance.now() - since < 4_000, 'before 32 interim responses have come')
    })
  }
})

t.test('a body that may take longer than the response does so', async (t) => {
  const backend = await rawBackend(answering(() => OK))
  const lab = await labOf([backend], { pool: { timeouts: { response: '100ms', idle: '5s' }, retry: false } })
  t.teardown(() => Promise.all([lab.close(), backend.close()]))
  const client = await lab.client()
  client.send('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n')
  for (const piece of ['a', 'b', 'c']) {
    await new Promise((resolve) => setTimeout(resolve, 80))
    client.send(piece)
  }
  await client.text('HTTP/1.1 200')
})
