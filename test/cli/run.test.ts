import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Lb } from './lb.ts'

/** A backend that sends back what it gets; ended with the test. */
async function echo(t: Test): Promise<number> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}))
    socket.pipe(socket)
  })
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

async function running(
  t: Test,
  extra = 'shutdown: { grace: 100ms }\n'
): Promise<{ process: Lb; port: number; file: string }> {
  const backend = await echo(t)
  const text = `workers: 0\nlisteners: [{ name: tcp, bind: "127.0.0.1:0", mode: l4, pool: echo }]\npools: { echo: { backends: ["127.0.0.1:${backend}"] } }\n${extra}`
  const file = join(t.testdir({ 'lb.yaml': text }), 'lb.yaml')
  const process = new Lb(['-c', file])
  t.teardown(() => process.kill('SIGKILL'))
  const [, port] = await process.says(/listener tcp[^"]*127\.0\.0\.1:(\d+)/)
  await process.says(/"lb runs /)
  return { process, port: Number(port), file }
}

async function converse(t: Test, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  socket.write('hello')
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.equal(answer.toString(), 'hello')
  return socket
}

t.test('it carries traffic until SIGTERM, and ends with 0', async (t) => {
  const { process, port } = await running(t)
  const socket = await converse(t, port)
  socket.end()
  await once(socket, 'close')
  process.kill('SIGTERM')
  t.match(await process.ended(), { code: 0, stderr: '' })
})

t.test('SIGTERM, SIGINT and SIGQUIT drain; a second signal ends it at once', async (t) => {
  for (const [first, second, code] of [
    ['SIGTERM', 'SIGINT', 130],
    ['SIGQUIT', 'SIGQUIT', 131]
  ] as const) {
    const { process, port } = await running(t, 'shutdown: { grace: 1h }\n')
    await converse(t, port)
    process.kill(first)
    await process.says(/stopping/)
    process.kill(second)
    t.match(await process.ended(), { code })
  }
})

t.test('SIGHUP reloads; a bad file changes nothing', async (t) => {
  const { process, port, file } = await running(t)
  writeFileSync(file, 'listeners: nothing\n')
  process.kill('SIGHUP')
  await process.says(/reload refused[^\n]*lb\.yaml:1:12: error/)
  // The log names what refused it, whatever warnings stand before it.
  const warned = 'caches: { c: { maxBytes: 1mb } }\npools: { p: { backends: ["127.0.0.1:9"] } }\n'
  writeFileSync(file, `${warned}listeners: [{ bind: "127.0.0.1:0", mode: l7, pool: p, cache: c }]\n`)
  process.kill('SIGHUP')
  await process.says(/reload refused[^\n]*lb\.yaml:3:\d+: error/)
  await converse(t, port)
  process.kill('SIGTERM')
  await process.ended()
})

t.test('an address that is taken ends it with 1, and says which and by what setting', async (t) => {
  const taken = await echo(t)
  const file = join(
    t.testdir({
      'lb.yaml': `workers: 0\nlisteners:\n  - { bind: "127.0.0.1:${taken}", mode: l4, pool: a }\npools: { a: { backends: ["127.0.0.1:9"] } }\n`
    }),
    'lb.yaml'
  )
  const { code, stderr } = await new Lb(['-c', file]).ended()
  t.equal(code, 1)
  t.match(
    stderr,
    new RegExp(
      `lb\\.yaml:3:13: error: cannot listen on 127\\.0\\.0\\.1:${taken} \\(listeners\\[0\\]\\.bind.*in use`
    )
  )
  t.notMatch(stderr, /\n\s+at /)
})
