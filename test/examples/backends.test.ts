import t from 'tap'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Announcement } from '../../examples/backends/announce.ts'

const folder = join(import.meta.dirname, '..', '..', 'examples', 'backends')

async function start(
  kind: string,
  port: number
): Promise<{ child: ChildProcess; answer: Announcement; port: number }> {
  const child = fork(join(folder, `${kind}.ts`), ['b7', String(port)])
  const [answer] = (await once(child, 'message')) as [Announcement]
  return { child, answer, port: answer.ready ? answer.port : 0 }
}

t.test('the HTTP backend names itself on every path and echoes bodies and headers', async (t) => {
  const { child, port } = await start('http', 0)
  t.teardown(() => child.kill())
  const url = `http://127.0.0.1:${port}`

  const root = await fetch(`${url}/any`)
  t.equal(root.headers.get('x-backend'), 'b7')
  t.match(await root.text(), /^b7 answers GET \/any, its request number 1\n$/)
  t.equal(await (await fetch(`${url}/healthz`)).text(), 'ok\n')
  t.equal(await (await fetch(`${url}/slow?ms=1`)).text(), 'b7 answered after 1 ms\n')
  t.match(await (await fetch(`${url}/headers`, { headers: { 'x-mine': 'yes' } })).json(), { 'x-mine': 'yes' })
  t.equal((await fetch(`${url}/cacheable`)).headers.get('cache-control'), 'public, max-age=10')
  t.equal(
    await (await fetch(`${url}/echo`, { method: 'POST', body: 'there and back' })).text(),
    'there and back'
  )

  const ended = once(child, 'exit')
  child.disconnect()
  t.same(await ended, [0, null], 'it ends with the process that started it')
})

t.test('the TCP backend sends each line back, also the last one without a line feed', async (t) => {
  const { child, port } = await start('tcp', 0)
  t.teardown(() => child.kill())
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('utf8')
  socket.write('one\r\ntw')
  socket.end('o\nthree')
  let text = ''
  for await (const part of socket) text += String(part)
  t.equal(text, 'b7: one\nb7: two\nb7: three\n')
})

t.test('a port in use is reported in words', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { child, answer } = await start('http', port)
  t.teardown(() => child.kill())
  t.same(answer, { ready: false, reason: `port ${port} is taken by another program` })
})
