/* eslint-disable @typescript-eslint/no-explicit-any -- as a plugin in JavaScript has them: no compiler looks at what it writes */

import t from 'tap'
import { answer, type PluginExchange } from '../../../src/index.ts'
import { type Hooks, lab } from './lab.ts'

t.setTimeout(240_000)

type Make = (output: any) => {
  write: (bytes: Buffer, start: number, end: number) => unknown
  end: (trailers: string) => unknown
}

const body = (make: Make, length?: number): Hooks => ({
  body: (_, head, output) => {
    if (length !== undefined) head.length = length
    return make(output)
  }
})
const pass = (output: any) => ({
  write: (bytes: Buffer, start: number, end: number) => output.write(Buffer.from(bytes.subarray(start, end))),
  end: (trailers: string) => output.end(trailers)
})

/** The case, its hook, and what the log says. Ten bytes are announced unless the hook says otherwise. */
const broken: Record<string, readonly [Hooks, RegExp]> = {
  longer: [
    body((output) => ({
      write: (bytes, start, end) =>
        output.write(Buffer.concat([bytes.subarray(start, end), Buffer.from('HTTP/1.1 200 Evil\r\n')])),
      end: output.end.bind(output)
    })),
    /longer than the 10 bytes announced/
  ],
  'longer-at-the-end': [
    body((output) => ({
      ...pass(output),
      end(trailers) {
        output.write(Buffer.from('HTTP/1.1 200 Evil\r\n'))
        output.end(trailers)
      }
    })),
    /longer than the 10 bytes announced/
  ],
  'longer-later': [
    body((output) => ({
      ...pass(output),
      end: (trailers) =>
        void setImmediate(() => {
          output.write(Buffer.from('HTTP/1.1 200 Evil\r\n'))
          output.end(trailers)
        })
    })),
    /longer than the 10 bytes announced/
  ],
  'longer-caught': [
    body((output) => ({
      ...pass(output),
      end(trailers) {
        try {
          output.whole(Buffer.from('HTTP/1.1 200 Evil\r\n'))
        } catch {
          // As a plugin that goes on after a fault.
        }
        output.end(trailers)
      }
    })),
    /longer than the 10 bytes announced/
  ],
  shorter: [
    body((output) => ({
      write: () => true,
      end(trailers) {
        output.write(Buffer.from('ab'))
        output.end(trailers)
      }
    })),
    /ends after 2 of the 10 bytes announced/
  ],
  empty: [
    body((output) => ({ write: () => true, end: (trailers) => output.end(trailers) })),
    /ends after 0 of the 10/
  ],
  'shorter-than-its-own': [body(pass, 20), /ends after 10 of the 20/],
  'longer-than-its-own': [body(pass, 5), /longer than the 5/],
  number: [
    body((output) => ({ write: () => output.write(5), end: (trailers) => output.end(trailers) })),
    /made of bytes or text/
  ],
  trailers: [
    body((output) => ({ ...pass(output), end: () => output.end('X-A: 1\r\n\r\nHTTP/1.1 200 Evil') })),
    /no line of a field/
  ],
  behind: [
    body(
      (output) => ({
        ...pass(output),
        end(trailers) {
          output.fail(new Error('given up'))
          output.end(trailers)
        }
      }),
      -1
    ),
    /given up/
  ],
  async: [
    body((output) => ({ ...pass(output), write: async () => Promise.reject(new Error('late')) }), -1),
    /returned a promise/
  ]
}

t.test(
  'a body that is not as long as its head says ends the connection, and nothing goes out behind it',
  async (t) => {
    const { ask, ask2, errors, reason } = await lab(
      t,
      Object.fromEntries(Object.entries(broken).map(([name, [hooks]]) => [name, hooks]))
    )
    const hosted: unknown[] = []
    const onRejection = (reason: unknown): void => void hosted.push(reason)
    process.on('unhandledRejection', onRejection)
    t.teardown(() => process.off('unhandledRejection', onRejection))
    let count = 0
    for (const [name, [, said]] of Object.entries(broken)) {
      const answer = await ask(name)
      t.notMatch(answer, /evil|X-A/i, name)
      t.equal(answer.split('HTTP/1.1').length, 2, `${name}: one response, and the end`)
      t.equal(errors(), ++count, `${name}: counted`)
      t.match(reason(name), 'wrong: PluginError: plugin wrong, body: ', name)
      t.match(reason(name), said, name)
      t.type(await ask2(name), 'string', `${name}: its stream is reset`)
      count++
    }
    t.strictSame(hosted, [])
  }
)

t.test('a body that is as long as its head says passes, in bytes or text, at once or later', async (t) => {
  const { ask, ask2, errors } = await lab(t, {
    same: body(pass),
    'own-length': body(
      (output) => ({ write: () => true, end: (trailers) => (output.write('é'), output.end(trailers)) }),
      2
    ),
    unknown: body(
      (output) => ({
        ...pass(output),
        end: () => (output.write(''), output.write(new Uint8Array([33])), output.end())
      }),
      -1
    ),
    later: body((output) => ({
      ...pass(output),
      end: (trailers) => void setImmediate(() => output.end(trailers))
    }))
  })
  const wanted = { same: '0123456789', 'own-length': '\xc3\xa9', unknown: '0123456789!', later: '0123456789' }
  for (const [name, body] of Object.entries(wanted)) {
    const answers = await ask(name)
    t.equal(answers.split('HTTP/1.1 200').length, 3, `${name}: the next one follows`)
    if (name !== 'unknown') t.match(answers, `Content-Length: ${body.length}\r\n`, name)
    t.strictSame(await ask2(name), { status: 200, body }, name)
  }
  t.match(await ask('unknown'), '\r\n0123456789\r\n1\r\n!\r\n0\r\n\r\nHTTP/1.1 200')
  t.equal(errors() || 0, 0)
})

t.test('an async hook at the end of an exchange is counted, and the program lives', async (t) => {
  const { ask, errors, lines } = await lab(t, {
    done: { done: async () => Promise.reject(new Error('late')) }
  })
  const hosted: unknown[] = []
  const onRejection = (reason: unknown): void => void hosted.push(reason)
  process.on('unhandledRejection', onRejection)
  t.teardown(() => process.off('unhandledRejection', onRejection))
  t.match(await ask('done'), /^HTTP\/1\.1 200 Fine/)
  t.equal(errors(), 1)
  t.ok(
    lines.some(({ fields }) =>
      /plugin wrong, done: it returned a promise/.test(String((fields['err'] as Error | undefined)?.message))
    )
  )
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(hosted, [])
})

t.test('a promise that fails once its exchange has ended is counted and named', async (t) => {
  const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  const { ask, errors, lines } = await lab(t, {
    answered: {
      request: async (exchange) => {
        await after(1)
        answer(exchange as PluginExchange, { status: 200, body: 'answered' })
        throw new Error('behind its answer')
      }
    }
  })
  t.match(await ask('answered'), /^HTTP\/1\.1 200 OK[^]*answered/)
  const told = (): boolean =>
    lines.some(({ fields }) =>
      String((fields['err'] as Error | undefined)?.message).includes('request: behind its answer')
    )
  for (let tries = 0; tries < 500 && !told(); tries++) await after(10)
  t.ok(told())
  t.equal(errors(), 1)
})

t.test('a HEAD has the fields and the length of the GET, or no length', async (t) => {
  const { ask, errors } = await lab(t, {
    plain: { body: () => undefined },
    same: body((output) => pass(output)),
    own: body((output) => pass(output), 12),
    unknown: {
      body: (_, head, output) => {
        head.length = -1
        head.headers.set('X-Changed', 'yes')
        head.headers.remove('content-type')
        return pass(output)
      }
    },
    wrong: {
      body: () => {
        throw new Error('no')
      }
    }
  })
  const head = async (path: string): Promise<string> => (await ask(path, 'HEAD')).split('\r\n\r\n', 1)[0]!
  t.match(await head('plain'), /^HTTP\/1\.1 200 [^]*\r\nContent-Length: 10(\r|$)/)
  t.match(await head('same'), /\r\nContent-Length: 10(\r|$)/)
  t.match(await head('own'), /\r\nContent-Length: 12(\r|$)/)
  const unknown = await head('unknown')
  t.match(unknown, /^HTTP\/1\.1 200 [^]*\r\nX-Changed: yes/)
  t.notMatch(unknown, /content-length|transfer-encoding|content-type/i)
  t.equal(errors() || 0, 0)
  t.match(await head('wrong'), /^HTTP\/1\.1 500 /)
  t.equal(errors(), 1)
})
