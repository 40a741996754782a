import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { configFromObject } from '../../../src/config/parse-config.ts'
import type { L7ListenerConfig } from '../../../src/config/model/model.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { reportFaults } from '../../../src/core/containment.ts'
import { dryRun } from '../../../src/l7/exchange/dry/dry-run.ts'
import { rawBackend, startLab } from '../engine/lab.ts'
import { Generator, withDrawnPlugins } from './explain-generator.ts'

/** Without what is new with each request, and what frames the message. */
function comparable(lines: readonly string[]): string[] {
  return lines
    .filter(
      (line) => !/^(traceparent|x-request-id|date|connection|content-length|transfer-encoding):/i.test(line)
    )
    .map((line) => line.replace(/^(RateLimit: .*)r=\d+;t=\d+/i, '$1'))
    .sort()
}

/** Behind interim responses; '' as long as it is not there. */
function finalOf(received: string): string {
  let rest = received
  while (/^HTTP\/1\.1 1\d\d /.test(rest)) rest = rest.slice(rest.indexOf('\r\n\r\n') + 4)
  const end = rest.indexOf('\r\n\r\n')
  return end === -1 ? '' : rest.slice(0, end)
}

function isWhole(head: string, body: string): boolean {
  if (/^transfer-encoding:/im.test(head)) return body.endsWith('0\r\n\r\n')
  return body.length >= Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
}

const ROUNDS = 40
const REQUESTS = 25

t.test('explain says what then happens: route, status, pool, and every field that is sent', async (t) => {
  const heads: { pool: string; head: string }[] = []
  // What a plugin throws.
  t.teardown(reportFaults(() => {}))
  // Each connection is closed behind its request: a body may end as it likes.
  const backend = (pool: string) =>
    rawBackend((connection) => {
      connection.socket.on('data', () => {
        const { received } = connection
        const head = received.slice(0, received.indexOf('\r\n\r\n') + 4)
        if (head === '' || !isWhole(head, received.slice(head.length)) || connection.socket.writableEnded)
          return
        heads.push({ pool, head })
        connection.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      })
    })
  const decider = createServer((_request, response) => {
    response.writeHead(204, { 'X-Auth-User': 'bob', 'X-Auth-Roles': 'admin' }).end()
  }).listen(0, '127.0.0.1')
  await once(decider, 'listening')
  t.teardown(() => decider.close())
  const url = `http://127.0.0.1:${(decider.address() as AddressInfo).port}/`
  const [one, two] = [await backend('one'), await backend('two')]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  const start = Number(process.env['SEED'] ?? 1)
  for (let seed = start; seed < start + ROUNDS; seed++) {
    const generator = new Generator(seed * 7919, url)
    let config = generator.config([one.address, two.address])
    let result = configFromObject(config)
    // Some combinations are refused: a requirement without auth, say.
    for (; !result.ok; result = configFromObject(config))
      config = generator.config([one.address, two.address])
    const stages = seed % 2 === 0 ? withDrawnPlugins() : undefined
    const lab = await startLab(config, { stages })
    const { pseudonym } = lab.engine
    // The stage for auth writes lines of its own.
    const accessLine = () => lab.log.lines.find(({ fields }) => fields['status'] !== undefined)
    for (let n = 0; n < REQUESTS; n++) {
      const { head, body } = generator.request(pseudonym)
      const explained = dryRun(
        {
          listener: result.config.listeners[0] as L7ListenerConfig,
          pools: result.config.pools,
          clock: systemClock,
          stages: () => stages,
          pseudonym,
          explainCache: () => {
            throw new Error('no cache here')
          }
        },
        { head, peer: '127.0.0.1' }
      )
      heads.length = lab.log.lines.length = 0
      const client = await lab.client()
      client.send(head + body)
      await client.until(
        ({ received }) => finalOf(received) !== '' && accessLine() !== undefined,
        `an answer to ${head}`
      )
      const answer = finalOf(client.received)
      /** What a service says of the client is not known before it is asked. */
      const asks = explained.notes.some((note) => note.includes('would ask'))
      const known = (fields: string[]) =>
        asks ? fields.filter((each) => !/^x-(?:auth-)?(?:user|roles):/i.test(each)) : fields
      const name = `seed ${seed}, request ${n}: ${JSON.stringify(head)} ${JSON.stringify(config)}`
      const line = accessLine()!.fields
      const status = Number(answer.slice(9, 12))
      const sent = heads[0]
      const happened = {
        route: line['route'],
        code: line['code'],
        status,
        pool: sent?.pool,
        asksFor: sent?.head.split(' ')[1],
        answers: sent === undefined ? comparable(answer.split('\r\n').slice(1)) : undefined,
        sends:
          sent &&
          known(
            comparable(
              sent.head
                .split('\r\n')
                .slice(1)
                .filter((each) => each !== '')
            )
          )
      }
      const action = explained.sends === undefined ? undefined : explained.action
      const told = {
        route: explained.route,
        code: explained.refused?.code,
        status: explained.answers?.status ?? 200,
        pool: action?.kind === 'pool' ? action.pool : undefined,
        asksFor: action === undefined ? undefined : explained.forwards,
        answers: explained.answers && comparable(explained.answers.fields),
        sends: explained.sends && known(comparable(explained.sends))
      }
      // Its claims are the service's too.
      if (asks && happened.code === 'LB_FORBIDDEN') continue
      if (JSON.stringify(told) !== JSON.stringify(happened)) {
        t.same(told, happened, name)
        await lab.close()
        return
      }
      client.socket.destroy()
    }
    await lab.close()
  }
  t.pass(`${ROUNDS * REQUESTS} requests`)
})

t.test('what a service says of a client is not known: a requirement decides by it later', async (t) => {
  const listener = {
    ...{
      bind: ':0',
      mode: 'l7',
      pool: 'web',
      require: { roles: 'admin' },
      identity: { header: 'x-user', strip: true }
    },
    auth: [{ forward: { url: 'http://127.0.0.1:1/check', roles: 'x-roles' } }]
  }
  const result = configFromObject({ listeners: [listener], pools: { web: { backends: ['127.0.0.1:1'] } } })
  if (!result.ok) return void t.fail(JSON.stringify(result.problems))
  const { listeners, pools } = result.config
  const parts = { listener: listeners[0] as L7ListenerConfig, pools, clock: systemClock, pseudonym: 'lb-x' }
  const head = 'GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer x\r\n\r\n'
  const explained = dryRun({ ...parts, explainCache: () => ({}) as never }, { head, peer: '127.0.0.1' })
  t.equal(explained.refused, undefined)
  t.match(explained.notes, [
    'auth: would ask http://127.0.0.1:1/check',
    'require: decides by what http://127.0.0.1:1/check says, and is taken to let it through'
  ])
  t.notMatch(explained.sends, 'Authorization', 'the credential is not sent on')
})
