import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { reportFaults } from '../../../../src/core/containment.ts'
import { testCertificates } from '../../../net/certificates.ts'
import { Choices } from '../../../fakes/choices.ts'
import { startLab, type Lab } from '../../engine/lab.ts'
import { moves, plain, TIMES, type Ends } from './moves.ts'
import { MisbehavingServer } from './server.ts'

// A backend over HTTP/2 that does everything wrong, and clients that each have to get one answer: their own, whole, or an
// error. H2_SEED and H2_REQUESTS: another mix, or more of it.

t.setTimeout(120_000)

const SEED = Number(process.env['H2_SEED'] ?? 7)
const REQUESTS = Number(process.env['H2_REQUESTS'] ?? 400)
const certificates = testCertificates()
const CERTIFICATE = certificates.leaf('localhost', '127.0.0.1')
const BODY = Buffer.alloc(150_000, 'u')

const sockets = process.env['LB_NET'] === 'sockets'
const kinds = sockets ? [true] : [false, true]

/** The server says that it did nothing with these. */
const refused = new Set(['refused', 'GOAWAY that serves none', 'GOAWAY below it, and an answer'])

interface Got {
  readonly status: number
  /** False: it broke off. */
  readonly whole: boolean
  readonly body: string
}

async function rig(
  t: Test,
  pool: object = {},
  secure = false
): Promise<{ lab: Lab; server: MisbehavingServer; faults: unknown[] }> {
  const faults: unknown[] = []
  t.teardown(reportFaults((error) => faults.push(error)))
  const steps = Object.fromEntries(Object.entries(moves).map(([name, [, move]]) => [name, move]))
  const { cert, key } = CERTIFICATE
  const server = await new MisbehavingServer(steps, plain).start(t, secure ? { cert, key } : undefined)
  const lab = await startLab({
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], pool: 'web' }],
    pools: {
      web: {
        ...(secure ? { protocol: 'h2', tls: { ca: certificates.caFile } } : { protocol: 'h2c' }),
        backends: [server.address],
        timeouts: { response: '600ms', idle: '600ms', connect: '5s' },
        retry: { attempts: 0 },
        ...pool
      }
    }
  })
  t.teardown(() => lab.close())
  return { lab, server, faults }
}

async function http1(lab: Lab, agent: Agent, path: string, body?: Buffer): Promise<Got> {
  const asking = request(`http://127.0.0.1:${lab.port}${path}`, {
    agent,
    method: body === undefined ? 'GET' : 'POST'
  })
  asking.on('error', () => {})
  asking.end(body)
  const [response] = (await once(asking, 'response').catch((error: unknown) => {
    if (!asking.reusedSocket) throw new Error(`${path}: ${String(error)}`)
    return []
  })) as [IncomingMessage?]
  // RFC 9112 §9.3.1: the connection was closed behind the answer before, while the request was on its way.
  if (response === undefined) return http1(lab, agent, path, body)
  response.on('error', () => {})
  let text = ''
  response.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  await new Promise((resolve) => response.once('close', resolve))
  return { status: response.statusCode!, whole: response.complete, body: text }
}

async function http2(session: ClientHttp2Session, path: string, body?: Buffer): Promise<Got> {
  const stream = session.request({ ':method': body === undefined ? 'GET' : 'POST', ':path': path })
  stream.on('error', () => {})
  stream.end(body)
  let [status, text, heads, ended] = [0, '', 0, false]
  stream.on('response', (head) => {
    heads++
    status = Number(head[':status'])
  })
  stream.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  stream.on('end', () => (ended = true))
  await new Promise((resolve) => stream.once('close', resolve))
  if (heads !== 1) throw new Error(`${path}: ${heads} heads, ended with ${stream.rstCode}`)
  return { status, whole: ended && stream.rstCode === 0, body: text }
}

/**
 * What is wrong with what a client got. `sent`: how often the request came to the server, which answers it as it should the
 * second time.
 */
function wrong(path: string, got: Got, must: Ends, sent: number): string | undefined {
  const { status, whole, body } = got
  const mayRepeat = must === 'whole' || !path.endsWith('/post/')
  if (sent > 3 || (sent > 1 && !mayRepeat)) return `sent ${sent} times`
  if (status === 204) return must !== 'whole' && body === '' ? undefined : `a 204 with ${body.length} bytes`
  if (status !== 200)
    return must === 'whole' || ![502, 504].includes(status) ? `status ${status}: ${body}` : undefined
  if (!path.repeat(TIMES).startsWith(body)) return `not its own body: ${body.slice(0, 100)}`
  if (whole && must === 'broken' && sent === 1) return `whole, of ${body.length}`
  if (!whole && must === 'whole') return `broke off after ${body.length}`
  return whole && body.length !== path.length * TIMES ? `of ${body.length}` : undefined
}

async function eventually(t: Test, holds: () => boolean, what: () => string): Promise<void> {
  for (let i = 0; i < 1500 && !holds(); i++) await sleep(10)
  t.ok(holds(), what())
}

/** Nothing is left of what went on. */
async function settled(t: Test, lab: Lab, server: MisbehavingServer, faults: unknown[]): Promise<void> {
  await eventually(t, () => lab.active === 0, () => `${lab.active} leases are left`)
  await eventually(t, () => lab.open === server.peers.size, () => `${lab.open} connections are counted, and there are ${server.peers.size}`)
  t.same(faults, [], 'nothing threw')
} // prettier-ignore

for (const secure of kinds) {
  const where = secure ? 'over TLS' : 'in clear text'
  t.test(
    `whatever a backend does to one request, its client gets one right answer, and the next one too, ${where}`,
    async (t) => {
      const { lab, server, faults } = await rig(t, {}, secure)
      const agent = new Agent({ keepAlive: true })
      t.teardown(() => agent.destroy())
      const session = connectHttp2(`http://127.0.0.1:${lab.port}`)
      session.on('error', () => {})
      t.teardown(() => session.destroy())
      let count = 0
      const choices = new Choices(SEED)
      const ask = async (
        name: string,
        must: Ends,
        body?: Buffer,
        over1 = true
      ): Promise<string | undefined> => {
        const path = `/${encodeURIComponent(name)}/${count++}/${body === undefined ? '' : 'post/'}`
        const got = await (over1 ? http1(lab, agent, path, body) : http2(session, path, body))
        const sent = server.seen.get(path) ?? 0
        return wrong(path, got, must, refused.has(name) ? Math.min(sent, 1) : sent)
      }
      for (const [name, [must]] of Object.entries(moves)) {
        for (const body of secure ? [choices.maybe(BODY)] : [undefined, BODY]) {
          // It holds 64 KiB of a body.
          const ends = body !== undefined && refused.has(name) ? 'either' : must
          t.equal(await ask(name, ends, body), undefined, `${name}, over HTTP/1.1`)
          t.equal(await ask(name, ends, body, false), undefined, `${name}, over HTTP/2`)
        }
        t.equal(await ask('plain', 'whole'), undefined, `the next one behind ${name}`)
      }
      await settled(t, lab, server, faults)
    }
  )
}

const all = Object.keys(moves).filter((name) => !name.startsWith('a flood'))
const mixes = {
  'all of it': all,
  // Without these a POST never comes twice.
  'all but what says that nothing was done': all.filter((name) => !/^GOAWAY|^refused/.test(name))
}
for (const [what, names] of Object.entries(mixes)) {
  for (const secure of kinds)
    t.test(
      `${what} at once ${secure ? 'over TLS' : 'in clear text'}, over HTTP/1.1 and HTTP/2, with retries`,
      async (t) => {
        const { lab, server, faults } = await rig(
          t,
          { retry: { attempts: 2, on: ['connect-failure', 'reset'] } },
          secure
        )
        const agent = new Agent({ keepAlive: true, maxSockets: 16 })
        t.teardown(() => agent.destroy())
        const session = connectHttp2(`http://127.0.0.1:${lab.port}`)
        session.on('error', () => {})
        t.teardown(() => session.destroy())
        const choices = new Choices(SEED)
        let begun = 0
        const one = async (): Promise<void> => {
          while (begun < REQUESTS) {
            const name = choices.one(names)
            const body = choices.maybe(BODY)
            const path = `/${encodeURIComponent(name)}${choices.one(['', '~'])}/${begun++}/${body === undefined ? '' : 'post/'}`
            const got =
              begun % 2 === 0 ? await http1(lab, agent, path, body) : await http2(session, path, body)
            const sent = server.seen.get(path) ?? 0
            // Another one's move may have ended the connection.
            const may = moves[name]![0] === 'broken' && sent === 1 ? 'broken' : 'either'
            const bad = wrong(path, got, may, names === all ? Math.min(sent, 1) : sent)
            if (bad !== undefined) t.fail(`${decodeURIComponent(path)}: ${bad}`)
          }
        }
        await Promise.all(Array.from({ length: 12 }, one))
        const next = '/plain/last/'
        t.equal(wrong(next, await http1(lab, agent, next), 'whole', 1), undefined)
        await settled(t, lab, server, faults)
      }
    )
}

if (!sockets)
  t.test('over sockets of Node alike', async (t) => {
    // It ends with an error when a test fails.
    const env = { ...process.env, LB_NET: 'sockets' }
    const { stdout } = await promisify(execFile)(process.execPath, [import.meta.filename], {
      env,
      maxBuffer: 1 << 24
    })
    t.match(stdout, /^ok 3 - /m)
    t.notMatch(stdout, /not ok/)
  })
