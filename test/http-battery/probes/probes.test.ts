import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { httpOrigin, startLb } from '../../e2e/servers.ts'
import { converse } from '../raw-client.ts'
import { codingProbes, lengthProbes } from './bodies.ts'
import { fieldProbes, requestLineProbes } from './heads.ts'
import type { Probe } from './probe.ts'
import { smugglingProbes, upgradeProbes } from './smuggling.ts'

// About what public suites for HTTP/1.1 servers send, in our own words: each answer is the one that they count as best.

const probes = [
  ...requestLineProbes,
  ...fieldProbes,
  ...lengthProbes,
  ...codingProbes,
  ...smugglingProbes,
  ...upgradeProbes
]
const UNFINISHED = 'GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** `lb` before a server that echoes bodies and upgrades to WebSocket only as it should. */
async function probed(t: Test): Promise<number> {
  const origin = await httpOrigin(t, 'echo', (request, response) => {
    const { method = '', url } = request
    if (url === '/204') response.writeHead(204).end()
    else if (method === 'DELETE') response.writeHead(405, { allow: 'GET, HEAD, POST' }).end()
    else if (request.headers['sec-websocket-version'] === '99') response.writeHead(426).end()
    else if (method === 'HEAD') response.end()
    else request.pipe(response)
  })
  const lb = await startLb(t, {
    workers: 0,
    listeners: [{ name: 'web', bind: '127.0.0.1:0', mode: 'l7', pool: 'web' }],
    pools: { web: { backends: [origin.address], breaker: false } }
  })
  return lb.port('web')
}

/** What is wrong with the answers to `probe`. */
async function wrong(port: number, probe: Probe): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  let sent = 0
  const seen = await converse(
    socket,
    probe.sends[0]!,
    ({ responses }) => {
      const final = responses.filter(({ status, complete }) => status >= 200 && complete).length
      if (final > sent && sent + 1 < probe.sends.length) socket.write(probe.sends[++sent]!, 'latin1')
      return final >= probe.answers.length && probe.closes !== true
    },
    { head: probe.sends[0]!.startsWith('HEAD'), deadlineMs: 30_000 }
  )
  const answers = seen.responses.filter(({ status }) => status >= 200)
  const statuses = answers.map(({ status }) => status)
  if (
    statuses.length !== probe.answers.length ||
    !probe.answers.every((any, i) => any.includes(statuses[i]!))
  )
    return `answers ${statuses.join()}`
  if (probe.closes === true && seen.end === 'open') return 'the connection stays open'
  const last = answers.at(-1)!
  if (probe.echoes !== undefined && last.body !== probe.echoes) return `the body ${last.body}`
  if (probe.field === undefined) return undefined
  const absent = probe.field.startsWith('!')
  const name = `${probe.field.replace('!', '')}:`
  return last.fields.some((field) => field.toLowerCase().startsWith(name)) === absent ? 'fields' : undefined
}

t.test('probes of public suites for HTTP/1.1 are answered as they want', async (t) => {
  const port = await probed(t)
  const failures = await Promise.all(probes.map((probe) => wrong(port, probe)))
  for (const [i, { name }] of probes.entries()) t.equal(failures[i], undefined, name)
})

t.test('a head that was cut anywhere is waited for, and then answered', async (t) => {
  const port = await probed(t)
  await Promise.all(
    Array.from({ length: UNFINISHED.length - 1 }, async (_, at) => {
      const socket = connect(port, '127.0.0.1')
      let early = ''
      socket.on('data', (data) => (early += data))
      socket.write(UNFINISHED.slice(0, at + 1))
      // Another client's whole exchange lies between: time enough for a hasty answer.
      t.equal((await (await fetch(`http://127.0.0.1:${port}/`)).text()).length, 0)
      t.equal(early, '', `after ${at + 1} bytes`)
      socket.write(UNFINISHED.slice(at + 1))
      await once(socket, 'data')
      t.match(early, /^HTTP\/1\.1 200/)
      socket.destroy()
    })
  )
})
