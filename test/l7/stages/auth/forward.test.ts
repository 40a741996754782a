import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { configFromObject } from '../../../../src/config/parse-config.ts'
import { authLab } from './auth-lab.ts'

async function decider(t: Test, decide: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(decide)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/check?x=1`
}

t.test('the answer decides, and fields that it may set come from nowhere else', async (t) => {
  const asked: IncomingMessage[] = []
  const url = await decider(t, (request, response) => {
    asked.push(request)
    const { cookie } = request.headers
    if (cookie === undefined)
      response
        .writeHead(302, {
          location: 'https://login.example/',
          'set-cookie': ['a=1', 'b=2'],
          'x-secret': 'no'
        })
        .end('go')
    else if (cookie === 's=bad') response.writeHead(403, { 'content-type': 'text/plain' }).end('no')
    else if (cookie === 's=plain') response.writeHead(204, { 'x-auth-user': 'bob' }).end()
    else
      response
        .writeHead(200, { 'x-auth-user': 'alice', 'x-auth-roles': 'admin, ops', 'x-auth-mail': 'a@b' })
        .end()
  })
  const forward = {
    url,
    requestHeaders: ['cookie'],
    identity: 'X-Auth-User',
    roles: 'X-Auth-Roles',
    responseHeaders: ['X-Auth-Mail']
  }
  const listener = {
    auth: [{ forward }],
    require: { roles: ['admin', 'guest'], identity: true },
    identity: { header: 'x-user' }
  }
  const { ask } = await authLab(t, listener)
  const fine = await ask('Cookie: s=1\r\nX-Other: y\r\n', '/p%61th?q=1')
  t.equal(fine.status, 200)
  t.match(fine.head, 'X-Auth-User: alice\r\n')
  t.match(fine.head, 'X-Auth-Mail: a@b\r\n')
  t.match(fine.head, 'x-user: alice\r\n')
  const [request] = asked
  t.equal(request?.url, '/check?x=1')
  t.match(request?.headers, { 'x-forwarded-method': 'GET', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'example.test', 'x-forwarded-uri': '/path?q=1', 'x-forwarded-for': '127.0.0.1', 'cookie': 's=1' }) // prettier-ignore
  t.notMatch(request?.headers, { 'x-other': 'y' })

  const login = await ask()
  t.match(
    login.text,
    /^HTTP\/1.1 302 .*location: https:\/\/login.example\/\r\n.*set-cookie: a=1\r\nset-cookie: b=2\r\n.*\r\n\r\ngo$/s
  )
  t.notMatch(login.text, 'x-secret')
  t.match(login.text, /\r\ncache-control: no-store\r\n/, 'a browser would keep some redirects')
  t.equal((await ask('Cookie: s=bad\r\n')).status, 403)

  const { ask: plain } = await authLab(t, { auth: [{ forward }] })
  for (const name of [
    'X-Auth-Mail',
    'x_auth_mail',
    'X_AUTH-MAIL',
    'X.Auth.Mail',
    'x-auth-mail',
    'X-Auth-Roles',
    'X_Auth_Roles',
    'X-Auth-User',
    'x_auth_user',
    'X~Auth~User'
  ]) {
    for (const forged of [`${name}: root\r\n`, `Connection: X-Auth-User, X-Auth-Mail\r\n${name}: root\r\n`]) {
      const { status, head } = await plain(`Cookie: s=plain\r\n${forged}`)
      t.equal(status, 200)
      t.notMatch(head, 'root', forged)
      t.match(head, 'X-Auth-User: bob\r\n')
    }
  }
})

t.test('what is decided about is what was routed, as the client named it', async (t) => {
  const told: unknown[][] = []
  const url = await decider(t, ({ headers }, response) => {
    told.push([headers['x-forwarded-proto'], headers['x-forwarded-host'], headers['x-forwarded-uri']])
    response.writeHead(200, { 'x-auth-user': ['alice', 'admin'].slice(0, headers.cookie === 's=2' ? 2 : 1) }).end()
  }) // prettier-ignore
  const { lab, ask } = await authLab(t, {
    trustedProxies: ['127.0.0.1'],
    auth: [{ forward: { url, requestHeaders: ['cookie'], identity: 'x-auth-user' } }]
  })
  const client = await lab.client()
  client.send('GET http://inner.test/a HTTP/1.1\r\nHost: outer.test\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n') // prettier-ignore
  t.match(await client.end(), /^HTTP\/1.1 200/)
  t.strictSame(told, [['https', 'inner.test', '/a']])
  const paths = {
    '/a//b': '/a//b',
    '//a/b': '/a/b',
    '/a/./b': '/a/b',
    '/%61/%2e%2e/b%7E': '/b~',
    '/a;x=1/b?y=%61': '/a;x=1/b?y=%61',
    '/a%2fb': '/a%2Fb',
    '/%2561': '/%2561'
  }
  for (const [asked, uri] of Object.entries(paths)) {
    const { head } = await ask('', asked)
    t.equal(told.at(-1)?.[2], uri, asked)
    // The backend gets the same, but for letters that need no encoding.
    const got = head?.split(' ', 2)[1]
    t.equal(
      got?.replace(/^(?:(?!\?).)*/, (path) => path.replace('%2f', '%2F')),
      uri,
      asked
    )
  }
  t.equal((await ask('Cookie: s=2\r\n')).status, 503, 'two names are none')
})

t.test('it fails closed', async (t) => {
  const url = await decider(t, ({ headers }, response) => {
    const status = Number(headers.cookie)
    if (status === 0) return
    if (status === 1) return void response.destroy()
    if (status === 2) return void response.writeHead(200, { 'x-auth-user': 'a' }).end('x'.repeat(100_000))
    if (status === 3)
      return void response.writeHead(200, { 'x-auth-user': 'a', 'content-length': 10 }).write('half')
    response.writeHead(status).end()
  })
  const { ask, heads } = await authLab(t, {
    auth: [{ forward: { url, identity: 'x-auth-user', timeout: '300ms' } }]
  })
  for (const status of [0, 1, 2, 3, 200, 404, 418, 500, 502, 503]) {
    const answer = await ask(`Cookie: ${status}\r\n`)
    t.equal(answer.status, 503, String(status))
    t.match(answer.text, 'LB_AUTH_UNAVAILABLE')
  }
  const dead = await authLab(t, {
    auth: { methods: [{ forward: { url: 'http://127.0.0.1:1/' } }], optional: true }
  })
  t.equal((await dead.ask()).status, 503)
  t.same(heads, [])
})

t.test('an answer that let in holds for a while, for the same request or the same credentials', async (t) => {
  let count = 0
  const url = await decider(t, ({ headers }, response) => {
    count++
    response.writeHead(headers.cookie === 'bad' ? 403 : 200).end()
  })
  const asked = async (cacheBy: string, requests: [string, string][]): Promise<number> => {
    const { ask } = await authLab(t, { auth: [{ forward: { url, cache: '1m', cacheBy } }] })
    count = 0
    for (const [cookie, path] of requests) await ask(`Cookie: ${cookie}\r\n`, path)
    return count
  }
  const requests: [string, string][] = [['a', '/'], ['a', '/'], ['a', '/x'], ['b', '/'], ['bad', '/'], ['bad', '/']] // prettier-ignore
  t.equal(await asked('request', requests), 5)
  t.equal(await asked('credentials', requests), 4)
})

t.test(
  'a service that renews its session gives the client its cookie, and knows whether it can be sent to a login',
  async (t) => {
    const asked: IncomingMessage[] = []
    const url = await decider(t, (request, response) => {
      asked.push(request)
      response.writeHead(200, { 'set-cookie': ['s=2; Path=/; HttpOnly', 'csrf=x'], 'x-user': 'alice' }).end()
    })
    const forward = { url, identity: 'x-user', cache: '10s', cacheBy: 'credentials' }
    const { ask } = await authLab(t, { auth: [{ forward }], identity: { strip: true } })
    for (const time of [1, 2]) {
      const { text, head } = await ask(
        'Cookie: s=1\r\nAccept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n'
      )
      t.match(text, /set-cookie: s=2; Path=\/; HttpOnly\r\nset-cookie: csrf=x\r\n/i)
      t.equal(asked.length, time, 'an answer with a cookie is for one request')
      t.match(head, 'Accept: text/html\r\n', 'no credential')
      t.notMatch(head, /set-cookie/i)
    }
    t.match(asked[0]!.headers, { 'accept': 'text/html', 'x-requested-with': 'XMLHttpRequest' }) // prettier-ignore
  }
)

t.test('fields that frame a message are copied from no answer', async (t) => {
  const bad = { url: 'http://127.0.0.1:1/', responseHeaders: ['Set-Cookie', 'Content-Length', 'host'], identity: 'Transfer-Encoding', requestHeaders: ['upgrade'] } // prettier-ignore
  const identity = { header: 'Connection', claims: { te: 'x' } }
  const listeners = [{ bind: ':0', mode: 'l7', pool: 'web', auth: [{ forward: bad }], identity }]
  const result = configFromObject({ listeners, pools: { web: { backends: ['127.0.0.1:1'] } } })
  const paths = result.ok ? [] : result.problems.map(({ path }) => path.replace('listeners[0].', ''))
  t.same(paths.sort(), ['auth[0].forward.identity', 'auth[0].forward.requestHeaders[0]', 'auth[0].forward.responseHeaders[0]', 'auth[0].forward.responseHeaders[1]', 'auth[0].forward.responseHeaders[2]', 'identity.claims.te', 'identity.header']) // prettier-ignore
})
