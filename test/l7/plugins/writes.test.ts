/* eslint-disable @typescript-eslint/no-explicit-any -- as a plugin in JavaScript has them: no compiler looks at what it writes */

import t from 'tap'
import { type Hooks, lab } from './lab.ts'

t.setTimeout(240_000)

const EVIL = 'X-A: 1\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n'
const request = (write: (exchange: any, context: any) => unknown): Hooks => ({
  request: (exchange, context) => write(exchange, context)
})
const forward = (write: (head: any, exchange: any) => unknown): Hooks => ({
  forward: (exchange, head) => write(head, exchange)
})
const response = (write: (head: any, exchange: any) => unknown): Hooks => ({
  response: (exchange, head) => write(head, exchange)
})
const later = () => new Promise((resolve) => setImmediate(resolve))

/** What goes to no backend and to no client: the case, its hook, and what the log says. */
const refused: Record<string, readonly [Hooks, RegExp]> = {
  'path-break': [
    request((e) => void (e.forwardPath = '/x HTTP/1.1\r\nHost: evil\r\n\r\nGET /evil')),
    /forwardPath/
  ],
  'path-blank': [request((e) => void (e.forwardPath = '/a b')), /forwardPath/],
  'path-relative': [request((e) => void (e.forwardPath = 'evil')), /forwardPath must be a "\/"/],
  'path-wide': [request((e) => void (e.forwardPath = '/ĊX')), /forwardPath/],
  'path-latin': [request((e) => void (e.forwardPath = '/\xe9')), /percent-encoded/],
  'path-control': [request((e) => void (e.forwardPath = '/\0')), /forwardPath/],
  'path-query': [request((e) => void (e.forwardPath = '/a?b')), /without "\?"/],
  'path-number': [request((e) => void (e.forwardPath = 5)), /forwardPath .* is number/],
  'path-none': [request((e) => void (e.forwardPath = undefined)), /forwardPath/],
  'path-async': [
    request(async (e) => {
      await later()
      e.forwardPath = '/\r\nevil'
    }),
    /forwardPath/
  ],
  'path-resumed': [
    request((e) => {
      const wait = e.wait(60_000, () => 0)
      setImmediate(() =>
        wait.resume(() => {
          e.forwardPath = '/\r\nevil'
          return 0
        })
      )
      return 2
    }),
    /forwardPath/
  ],
  'resumed-by-nothing-known': [
    request((e) => {
      const wait = e.wait(60_000, () => 0)
      setImmediate(() => wait.resume(() => 'ok'))
      return 2
    }),
    /no verdict/
  ],
  'query-break': [request((e) => void (e.query = 'a HTTP/1.1\r\nX-Evil: 1\r\nX: ')), /query/],
  'query-hash': [request((e) => void (e.query = 'a#b')), /query/],
  'query-object': [request((e) => void (e.query = new URLSearchParams('a=b'))), /query .* is object/],
  host: [request((e) => void (e.host = 'a\r\nX-Evil: 1')), /host/],
  authority: [request((e) => void (e.authority = 'a\r\nX-Evil: 1')), /authority/],
  'hash-key': [request((e) => void (e.hashKey = 5)), /hashKey must be text/],
  'request-id': [request((e) => void (e.requestId = 'a\r\nX-Evil: 1')), /requestId/],
  'client-ip': [request((e) => void (e.clientIp = 'a\r\nX-Evil: 1')), /clientIp must be an IP address/],
  target: [request((e) => void (e.target = {})), /target must be what pool\(name\)/],
  'target-none': [request((e) => void (e.target = undefined)), /target must be/],
  identity: [request((e) => void (e.identity = { name: 'a\r\nX-Evil: 1', roles: [], by: 'p' })), /identity/],
  'identity-half': [request((e) => void (e.identity = { name: 'a' })), /identity must be/],
  method: [request((e) => void (e.request.method = 'GET /evil HTTP/1.1\r\n\r\nGET')), /request\.method/],
  'request-host': [request((e) => void (e.request.host = 'a\r\nX-Evil: 1')), /request\.host/],
  'request-field': [request((e) => e.request.headers.append('X-A', 'b\r\nX-Evil: 1')), /request\.headers/],
  'request-text': [request((e) => void (e.request.headers.text += EVIL)), /request\.headers/],
  'field-break': [request((e) => e.setRequestField('X-A', 'b\r\nX-Evil: 1')), /the field X-A/],
  'field-name': [request((e) => e.setRequestField('X-A: 1\r\nX-Evil', 'b')), /no field name/],
  'field-host': [request((e) => e.setRequestField('Host', 'evil')), /headers\.request\.set/],
  'field-length': [request((e) => e.setRequestField('content-length', '5')), /frames the message/],
  'field-number': [request((e) => e.setRequestField('X-A', 5)), /the field X-A/],
  'response-lines': [request((e) => e.addResponseLines(EVIL)), /no line of a field/],
  'response-lines-open': [request((e) => e.addResponseLines('X-A: 1')), /CR LF behind it/],
  'response-lines-length': [request((e) => e.addResponseLines('Content-Length: 0\r\n')), /frames/],
  'refuse-open': [
    request((e, c) => c.refuse(e, { code: 'LB_FORBIDDEN', reason: 'x', fields: 'X-A: 1' })),
    /CR LF behind it/
  ],
  'refuse-break': [
    request((e, c) => c.refuse(e, { code: 'LB_FORBIDDEN', reason: 'x', fields: 'X-A: 1\r\n\r\nevil' })),
    /no line of a field/
  ],
  'refuse-length': [
    request((e, c) => c.refuse(e, { code: 'LB_FORBIDDEN', reason: 'x', fields: 'Content-Length: 3\r\n' })),
    /frames/
  ],
  'refuse-code': [
    request((e, c) => c.refuse(e, { code: 'LB_NOPE', reason: 'x' })),
    /there is no code "LB_NOPE" .*LB_FORBIDDEN/
  ],
  'refuse-no-status': [
    request((e, c) => c.refuse(e, { code: 'LB_DENIED', reason: 'x' })),
    /no code "LB_DENIED"/
  ],
  'fail-code': [request((e) => e.fail('LB_NOPE', 'x')), /there is no code "LB_NOPE"/],
  pool: [request((_, c) => c.pool('nope')), /there is no pool "nope"; pools: web/],
  'wait-nan': [request((e) => (e.wait(NaN, () => 0), 2)), /NaN is no time to wait for/],
  'wait-long': [request((e) => (e.wait(Infinity, () => 0), 2)), /Infinity is no time/],
  'forward-lines': [
    forward(({ headers }) =>
      headers.appendLines('X-A: b\r\nTransfer-Encoding: chunked\r\nContent-Length: 30\r\n')
    ),
    /Transfer-Encoding frames/
  ],
  'forward-break': [forward(({ headers }) => headers.appendLines(EVIL)), /no line of a field/],
  'forward-open': [
    forward(({ headers }) => {
      headers.appendLines('X-A: b')
      headers.append('X-B', 'c')
    }),
    /CR LF behind it/
  ],
  'forward-unchecked': [
    forward(({ headers }) => {
      headers.check = undefined
      headers.append('X-A', 'b\r\nX-Evil: 1')
    }),
    /the field X-A/
  ],
  'forward-text': [forward(({ headers }) => void (headers.text += 'Content-Length: 30\r\n')), /frames/],
  'forward-host': [
    forward(({ headers }) => headers.append('Host', 'evil')),
    /the field host is written by lb/
  ],
  'forward-async': [forward(async () => Promise.reject(new Error('late'))), /returned a promise/],
  'response-lines-frame': [
    response(({ headers }) => headers.appendLines('Content-Length: 3\r\nX-A: 1\r\n')),
    /frames/
  ],
  'response-unchecked': [
    response(({ headers }) => {
      headers.check = undefined
      headers.append('X-A', 'b\r\nX-Evil: 1')
    }),
    /the field X-A/
  ],
  'response-text': [
    response(({ headers }) => void (headers.text += 'X-A: 1\r\n\r\nevil')),
    /no line of a field/
  ],
  'response-async': [response(async () => Promise.reject(new Error('late'))), /returned a promise/],
  reason: [response((head) => void (head.reason = 'OK\r\nX-Evil: 1')), /no reason/],
  length: [response((head) => void (head.length = 3)), /head\.length is set by the hook "body"/],
  'status-100': [response((head) => void (head.status = 100)), /100 is no status/],
  'status-99999': [response((head) => void (head.status = 99999)), /99999 is no status/],
  'status-text': [response((head) => void (head.status = 'ok')), /ok is no status/],
  'replace-number': [response((head) => head.replaceBody(5, 'text/plain')), /made of bytes or text/],
  'replace-type': [response((head) => head.replaceBody('x', 'a\r\nX-Evil: 1')), /Content-Type/],
  'body-async': [{ body: async () => Promise.reject(new Error('late')) }, /returned a promise/],
  'body-field': [{ body: (_, { headers }) => headers.append('X-A', 'b\r\nX-Evil: 1') }, /the field X-A/],
  'body-status': [{ body: (_, head) => void (head.status = 204) }, /set by the hook "response"/],
  'body-no-transform': [{ body: () => ({}) }, /a transform: \{ write/],
  'body-length-alone': [{ body: (_, head) => void (head.length = 3) }, /returned no transform/],
  'body-length-text': [
    {
      body: (_, head, output) => {
        head.length = 'a'
        return { write() {}, end: () => output.end('') }
      }
    },
    /head\.length must be a number/
  ]
}

t.test(
  'what a plugin writes that is not fit to be sent fails its hook, and neither side gets any of it',
  async (t) => {
    const { ask, got, lines, errors, reason } = await lab(
      t,
      Object.fromEntries(Object.entries(refused).map(([name, [hooks]]) => [name, hooks]))
    )
    const hosted: unknown[] = []
    const onRejection = (reason: unknown): void => void hosted.push(reason)
    process.on('unhandledRejection', onRejection)
    t.teardown(() => process.off('unhandledRejection', onRejection))
    let count = 0
    for (const [name, [hooks, said]] of Object.entries(refused)) {
      const answer = await ask(name)
      t.match(answer, /^HTTP\/1\.1 500 Internal Server Error\r\n/, name)
      t.notMatch(answer.replaceAll('text/plain', ''), /evil|X-A/i, `${name}: the client`)
      t.equal(errors(), ++count, `${name}: counted`)
      t.match(reason(name), `wrong: PluginError: plugin wrong, ${Object.keys(hooks)[0]}: `, name)
      t.match(reason(name), said, name)
    }
    t.notMatch(got(), /evil|X-A|chunked|content-length/i, 'the backend')
    const told = lines.find(({ message }) => message.startsWith('internal error:'))
    t.match(told?.fields['err'], { message: /^plugin wrong, request: exchange\.forwardPath must be/ })
    t.strictSame(hosted, [])
  }
)

t.test('what is fit to be sent is sent', async (t) => {
  const { ask, got, errors } = await lab(t, {
    path: request((e) => {
      e.forwardPath = '/other/%0d%0a;x=|{}'
      e.query = "a=b?c&d='"
    }),
    fields: request((e) => {
      e.request.headers.remove('user-agent')
      e.setRequestField('X-Latin', 'caf\xe9')
      e.setRequestField('X-Gone', undefined)
      e.addResponseLines('X-More: 1\r\n')
    }),
    lines: {
      forward: (_, { headers }) => headers.appendLines('X-One: 1\r\nX-Two: 2\r\n'),
      response: (_, { headers }) => headers.appendLines('X-Three: 3\r\n')
    },
    refuse: request((e, c) => c.refuse(e, { code: 'LB_FORBIDDEN', reason: 'x', fields: 'X-Why: 1\r\n' })),
    reason: response((head) => void (head.reason = 'Very Fine'))
  })
  await ask('path')
  t.match(got(), "GET /other/%0d%0a;x=|{}?a=b?c&d=' HTTP/1.1\r\n")
  t.match(await ask('fields'), /^HTTP\/1\.1 200 Fine[^]*X-More: 1\r\n/)
  t.match(got(), 'X-Latin: caf\xe9\r\n')
  t.match(await ask('lines'), /X-Three: 3\r\n/)
  t.match(got(), 'X-One: 1\r\nX-Two: 2\r\n')
  t.match(await ask('refuse'), /^HTTP\/1\.1 403 Forbidden[^]*X-Why: 1\r\n/)
  t.match(await ask('reason'), /^HTTP\/1\.1 200 Very Fine\r\n/)
  t.equal(errors() || 0, 0)
})

/** Of the first of two answers: its status line, its Content-Length, and what stands between its head and the next. */
function first(answers: string): readonly [string, string | undefined, string] {
  const end = answers.indexOf('\r\n\r\n')
  const head = answers.slice(0, end)
  const rest = answers.slice(end + 4)
  const next = rest.indexOf('HTTP/1.1 ')
  return [
    head.split('\r\n')[0]!,
    /^content-length: (.*)$/im.exec(head)?.[1],
    next === -1 ? `${rest}|closed` : rest.slice(0, next)
  ]
}

t.test('a status that a plugin sets has its own reason, and a body only where it may have one', async (t) => {
  const status = (code: number) => response((head) => void (head.status = code))
  const { ask, ask2, errors } = await lab(t, {
    's-404': status(404),
    's-204': status(204),
    's-304': status(304),
    's-205': status(205),
    'backend-204': status(200),
    'backend-304': status(200),
    own: response((head) => {
      head.status = 299
      head.reason = 'Mine'
    }),
    text: response((head) => head.replaceBody('é', 'text/plain; charset=utf-8')),
    bytes: response((head) => head.replaceBody(new Uint8Array([65, 66]), 'text/plain')),
    empty: response((head) => head.replaceBody('', 'text/plain')),
    'text-204': response((head) => {
      head.replaceBody('gone', 'text/plain')
      head.status = 204
    }),
    refuse: {
      request: (e, c) => c.refuse(e, { code: 'LB_FORBIDDEN', reason: 'x' }),
      response: (_, head) => void (head.status = 204)
    }
  })
  const wanted = {
    's-404': ['HTTP/1.1 404 Not Found', '10', '0123456789'],
    's-204': ['HTTP/1.1 204 No Content', undefined, ''],
    's-304': ['HTTP/1.1 304 Not Modified', undefined, ''],
    's-205': ['HTTP/1.1 205 Reset Content', '0', ''],
    'backend-204': ['HTTP/1.1 200 OK', '0', ''],
    'backend-304': ['HTTP/1.1 200 OK', '0', ''],
    own: ['HTTP/1.1 299 Mine', '10', '0123456789'],
    text: ['HTTP/1.1 200 Fine', '2', '\xc3\xa9'],
    bytes: ['HTTP/1.1 200 Fine', '2', 'AB'],
    empty: ['HTTP/1.1 200 Fine', '0', ''],
    'text-204': ['HTTP/1.1 204 No Content', undefined, ''],
    refuse: ['HTTP/1.1 204 No Content', undefined, '']
  } as const
  for (const [name, answer] of Object.entries(wanted)) {
    t.strictSame(first(await ask(name)), answer, name)
    if (name.startsWith('backend-304')) continue
    const body = answer[2]
    t.strictSame(await ask2(name), { status: Number(answer[0].split(' ')[1]), body }, `${name} over HTTP/2`)
  }
  t.match(first(await ask('backend-204', 'HEAD')), ['HTTP/1.1 200 OK'])
  t.equal(errors() || 0, 0)
})

t.test('a response hook that fails at an upgrade opens no tunnel', async (t) => {
  const { ask, errors } = await lab(t, {
    upgrade: response(({ headers }) => headers.appendLines('X-A: 1\r\n\r\nevil'))
  })
  const answer = await ask('upgrade', 'GET', 'Connection: Upgrade\r\nUpgrade: x\r\n')
  t.match(answer, /^HTTP\/1\.1 500 /)
  t.notMatch(answer, /101|bytes|evil/)
  t.equal(errors(), 1)
})
