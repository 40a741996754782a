import t, { type Test } from 'tap'
import { reportFaults } from '../../../src/core/containment.ts'
import type { BodyOutput, BodyTransform } from '../../../src/l7/exchange/body-chain.ts'
import type { Exchange } from '../../../src/l7/exchange/exchange.ts'
import { Wait } from '../../../src/l7/exchange/wait.ts'
import type { Stage } from '../../../src/l7/stages/stage.ts'
import { ANSWERED, GO_ON, WAITS } from '../../../src/l7/stages/verdict.ts'
import { answering, eventually, get, labOf, OK, rawBackend, type Lab } from '../engine/lab.ts'
import { addStage } from './with-stage.ts'

/** A lab whose routes have `stage` as their last one. */
async function labWith(
  t: Test,
  stage: Stage,
  answer: (head: string, connection: { received: string }) => string = () => OK,
  options: object = {}
): Promise<Lab> {
  const backend = await rawBackend(answering(answer))
  t.teardown(() => backend.close())
  const remove = addStage(() => stage)
  const lab = await labOf([backend], options)
  remove()
  t.teardown(() => lab.close())
  return lab
}

t.test('a stage that skips plain GETs is asked about every other request', async (t) => {
  const asked: string[] = []
  const hear = (hook: string) => (exchange: Exchange) => void asked.push(`${hook} ${exchange.request.method}`)
  const [request, ...others] = [hear('request'), hear('forward'), hear('response'), hear('done')] as const
  const lab = await labWith(t, {
    name: 'skips',
    skipsPlainGets: true,
    request(exchange) {
      request(exchange)
      return GO_ON
    },
    forward: others[0],
    response: others[1],
    done: others[2]
  })
  const client = await lab.client()
  const hooksOf = (method: string): string[] =>
    ['request', 'forward', 'response', 'done'].map((hook) => `${hook} ${method}`)
  const cases = [
    ['GET', '', []],
    ['GET', 'Via: 1.1 other\r\n', hooksOf('GET')],
    ['GET', 'CDN-Loop: other\r\n', hooksOf('GET')],
    ['HEAD', '', hooksOf('HEAD')],
    ['POST', 'Content-Length: 0\r\n', hooksOf('POST')]
  ] as const
  let answers = 0
  for (const [method, fields, hooks] of cases) {
    asked.length = 0
    client.send(`${method} / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`)
    answers++
    await client.until(({ received }) => received.split('200 OK').length === answers + 1, `answer ${answers}`)
    await eventually(() => asked.length === hooks.length, `${method}: ${asked.join()}`)
    t.same(asked, hooks)
  }
})

t.test('while a stage waits, an upload is held back, and nothing of it is lost', async (t) => {
  let held: Wait | undefined
  const body = 'x'.repeat(300_000)
  let arrived = 0
  const lab = await labWith(
    t,
    {
      name: 'waits',
      request(exchange) {
        held = exchange.wait(5_000, () => ANSWERED)
        return WAITS
      }
    },
    (head, connection) => {
      const at = connection.received.indexOf(head)
      arrived = connection.received.length - at - head.length
      return OK
    }
  )
  const client = await lab.client()
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  await eventually(() => held !== undefined, 'a wait')
  t.equal(lab.active, 0)
  held!.resume(() => GO_ON)
  await client.text('\r\n\r\nok')
  t.equal(arrived, body.length)
  client.send(get())
  await eventually(() => held !== undefined && !held.over, 'the wait of the next request')
  held!.resume(() => GO_ON)
  await client.until(({ received }) => received.split('200 OK').length === 3, 'two answers')
})

t.test("a wait ends once: by its result, its deadline, or the client's close", async (t) => {
  const told: string[] = []
  let held: Wait | undefined
  const lab = await labWith(t, {
    name: 'waits',
    request(exchange) {
      const now = exchange.path === '/now'
      const wait = exchange.wait(exchange.path === '/late' ? 20 : 5_000, () => {
        told.push('late')
        exchange.fail('LB_QUEUE_TIMEOUT', 'late')
        return ANSWERED
      })
      held = wait
      wait.onCancel = () => told.push('cancelled')
      if (now) wait.resume(() => GO_ON)
      return WAITS
    },
    done: (exchange) => void told.push(`done ${exchange.path} ${exchange.status}`)
  })
  const client = await lab.client()
  client.send(get('/now'))
  await client.text('\r\n\r\nok')
  t.same(told.splice(0), ['done /now 200'])

  client.send(get('/late'))
  await client.text('LB_QUEUE_TIMEOUT')
  t.same(told.splice(0), ['cancelled', 'late', 'done /late 503'])

  client.send(get('/gone'))
  await eventually(() => held !== undefined && !held.over, 'a wait')
  client.socket.destroy()
  await eventually(() => told.length === 2, 'the end')
  t.same(told.splice(0), ['cancelled', 'done /gone 0'])
  held!.resume(() => {
    told.push('resumed')
    return GO_ON
  })
  t.same(told, [], 'who comes too late is not asked')
})

t.test('one wait too many is over at once', async (t) => {
  const after: number[] = []
  const waiting = {
    after: (ms: number) => {
      after.push(ms)
      return () => {}
    },
    waitOver: () => {}
  }
  const held = Array.from({ length: 10_001 }, () => new Wait(waiting, 500, () => ANSWERED))
  t.same([after[9_999], after[10_000]], [500, 0])
  for (const wait of held) wait.cancel()
  new Wait(waiting, 500, () => ANSWERED).cancel()
  t.equal(after.at(-1), 500)
})

t.test('one wait may follow another, and what is decided after it may refuse', async (t) => {
  const lab = await labWith(t, {
    name: 'twice',
    request(exchange) {
      const first = exchange.wait(1_000, () => ANSWERED)
      setImmediate(() =>
        first.resume(() => {
          const second = exchange.wait(1_000, () => ANSWERED)
          setImmediate(() =>
            second.resume(() => {
              if (exchange.path === '/yes') return GO_ON
              exchange.refuse({
                code: 'LB_METHOD',
                reason: 'no',
                fields: 'WWW-Authenticate: Basic\r\n',
                members: { hint: 'try /yes' }
              })
              return ANSWERED
            })
          )
          return WAITS
        })
      )
      return WAITS
    }
  })
  const client = await lab.client()
  client.send(get('/yes'))
  await client.text('\r\n\r\nok')
  client.send(get('/no', 'Accept: application/json\r\n'))
  await client.text('"hint":"try /yes"')
  t.match(client.received, 'WWW-Authenticate: Basic\r\n')
})

t.test('a hook that throws ends its exchange, and nothing else', async (t) => {
  const faults: string[] = []
  t.teardown(reportFaults((error) => void faults.push(String(error))))
  const broken =
    (hook: string) =>
    (exchange: Exchange): typeof GO_ON => {
      if (exchange.path === `/${hook}`) throw new Error(hook)
      return GO_ON
    }
  const lab = await labWith(t, {
    name: 'broken',
    request(exchange) {
      broken('request')(exchange)
      if (exchange.path !== '/resume') return GO_ON
      const wait = exchange.wait(1_000, () => ANSWERED)
      setImmediate(() => wait.resume(() => broken('resume')(exchange)))
      return WAITS
    },
    forward: broken('forward'),
    response: broken('response'),
    body(exchange) {
      broken('body')(exchange)
      if (exchange.path !== '/write') return undefined
      return { write: () => broken('write')(exchange) === GO_ON, end() {} }
    },
    done: broken('done')
  })
  for (const hook of ['request', 'resume', 'forward', 'response', 'body']) {
    const client = await lab.client()
    client.send(get(`/${hook}`))
    await client.text('LB_INTERNAL')
    t.match(client.received, 'HTTP/1.1 500 ', hook)
    t.same(faults.splice(0), [`Error: ${hook}`])
  }
  const cut = await lab.client()
  cut.send(get('/write'))
  t.match(await cut.end(), '\r\n\r\n')
  t.same(faults.splice(0), ['Error: write'])
  const client = await lab.client()
  client.send(get('/done'))
  await client.text('\r\n\r\nok')
  t.same(faults.splice(0), ['Error: done'])
  client.send(get('/fine'))
  await client.until(({ received }) => received.split('200 OK').length === 3, 'two answers')
  await eventually(() => lab.active === 0, 'no lease is left')
})

t.test('every response leaves by the one exit', async (t) => {
  const seen: string[] = []
  const lab = await labWith(
    t,
    {
      name: 'sees',
      response(_, head) {
        seen.push(`${head.source} ${head.status}`)
        head.headers.set('X-Seen', 'yes')
      }
    },
    () => OK,
    {
      listener: {
        pool: undefined,
        routes: [
          { match: { path: '/teapot' }, respond: { status: 418, body: 'short' } },
          { match: { path: '/moved' }, redirect: { to: '/' } },
          { match: { path: '/' }, pool: 'web' }
        ]
      }
    }
  )
  const requests: [string, string][] = [
    [get(), 'backend 200'],
    [get('/teapot'), 'local 418'],
    [get('/moved'), 'local 302'],
    [get('/none'), 'error 404'],
    ['OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n', 'local 200'],
    ['GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 'error 400'],
    ['nonsense\r\n\r\n', 'error 400']
  ]
  for (const [request, response] of requests) {
    const client = await lab.client()
    client.send(request)
    await client.text('X-Seen: yes\r\n')
    t.same(seen.splice(0), [response])
  }
})

/** Doubles every byte; later where `slow`, taking one piece at a time. */
function doubler(output: BodyOutput, slow: boolean): BodyTransform {
  let busy = false
  let ended: string | undefined
  const finish = (): void => {
    if (ended !== undefined && !busy) output.end(ended)
  }
  const pass = (bytes: Buffer): void => {
    const doubled = Buffer.alloc(bytes.length * 2)
    for (let i = 0; i < doubled.length; i++) doubled[i] = bytes[i >> 1]!
    output.write(doubled)
  }
  const waiting: Buffer[] = []
  const next = (): void => {
    setImmediate(() => {
      pass(waiting.shift()!)
      if (waiting.length > 0) return next()
      busy = false
      output.ready()
      finish()
    })
  }
  return {
    write(buffer, start, end) {
      const bytes = Buffer.from(buffer.subarray(start, end))
      if (!slow) {
        pass(bytes)
        return true
      }
      waiting.push(bytes)
      if (!busy) next()
      busy = true
      return false
    },
    end(trailers) {
      ended = trailers
      finish()
    }
  }
}

t.test('transforms of a body pass every byte, at once or later, one behind the other', async (t) => {
  const big = 'ab'.repeat(200_000)
  let bytesOut = 0
  const lab = await labWith(
    t,
    {
      name: 'doubles',
      response(_, head) {
        if (head.length > 0) head.length = -1
      },
      body: (exchange, _, output) =>
        exchange.path === '/off' ? undefined : doubler(output, exchange.path === '/slow'),
      done: (exchange) => void (bytesOut = exchange.bytesOut)
    },
    (head) =>
      head.includes('/slow') || head.includes('/big')
        ? `HTTP/1.1 200 OK\r\nContent-Length: ${big.length}\r\n\r\n${big}`
        : OK
  )
  for (const [path, whole] of [
    ['/', 'ookk'],
    ['/off', 'ok'],
    ['/big', 'aabb'.repeat(200_000)],
    ['/slow', 'aabb'.repeat(200_000)]
  ] as const) {
    const client = await lab.client()
    client.send(get(path))
    await client.text('0\r\n\r\n')
    const body = client.received.slice(client.received.indexOf('\r\n\r\n') + 4)
    t.ok(unchunked(body) === whole, path)
    t.equal(bytesOut, whole.length, 'what the client got is counted')
  }
})

function unchunked(text: string): string {
  let body = ''
  for (let at = 0; ;) {
    const end = text.indexOf('\r\n', at)
    const length = parseInt(text.slice(at, end), 16)
    if (length === 0) return body
    body += text.slice(end + 2, end + 2 + length)
    at = end + length + 4
  }
}

t.test('a client that leaves aborts the transform of its response', async (t) => {
  let aborted = 0
  const lab = await labWith(t, {
    name: 'stuck',
    response: (_, head) => void (head.length = -1),
    body: () => ({ write: () => false, end() {}, abort: () => void aborted++ })
  })
  const client = await lab.client()
  client.send(get())
  await client.text('\r\n\r\n')
  client.socket.destroy()
  await eventually(() => aborted === 1 && lab.active === 0, 'the abort')
})

t.test("a body that a stage puts in place is sent instead of the backend's", async (t) => {
  const lab = await labWith(
    t,
    {
      name: 'sorry',
      response(_, head) {
        if (head.status >= 500) head.replaceBody(Buffer.from('sorry'), 'text/plain')
      }
    },
    (head) =>
      head.includes('/fails')
        ? 'HTTP/1.1 500 Oh\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\nwhat ever'
        : OK
  )
  const client = await lab.client()
  client.send(get('/fails'))
  await client.text('\r\n\r\nsorry')
  t.match(client.received, 'Content-Length: 5\r\n')
  t.notMatch(client.received, 'gzip')
  client.send(get('/'))
  await client.text('\r\n\r\nok')
})
