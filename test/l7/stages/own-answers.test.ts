import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import t from 'tap'
import { backend, lbOf } from './serve.ts'

// Answers that lb makes itself, as browsers and programs see them.

interface Told {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

async function ask(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Told> {
  const options = { method, headers, agent: false, rejectUnauthorized: false }
  const request = (url.startsWith('https') ? httpsRequest : httpRequest)(url, options).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  let body = ''
  response.setEncoding('utf8').on('data', (part: string) => (body += part))
  await once(response, 'close')
  return { status: response.statusCode!, headers: response.headers, body }
}

t.test('redirect and respond fill in what is known of the request, escaped for their place', async (t) => {
  const url = await lbOf(t, {
    routes: [
      { match: { path: '/to' }, redirect: { to: 'https://login.example/?from={host}&id={requestId}&ip={clientIp}' } },
      { match: { path: '/html' }, respond: { body: '<p>{host} {requestId}</p>', headers: { 'Content-Type': 'text/html', 'X-Who': '{clientIp}' } } },
      { match: { path: '/json' }, respond: { body: '{"host":"{host}","a":{"b":1}}', headers: { 'Content-Type': 'application/json' } } }
    ]
  }) // prettier-ignore
  const { headers } = await ask(`${url}/to`, { Host: 'a.example:80' })
  t.match(headers.location, /^https:\/\/login\.example\/\?from=a\.example&id=[\w-]+&ip=127\.0\.0\.1$/)
  const html = await ask(`${url}/html`, { Host: "a'b.example" })
  if (html.status === 200) t.match(html.body, /^<p>a&#39;b\.example [\w-]+<\/p>$/)
  const plain = await ask(`${url}/html`, { Host: 'b.example' })
  t.match(plain.body, /^<p>b\.example [\w-]+<\/p>$/)
  t.equal(plain.headers['x-who'], '127.0.0.1')
  t.same(JSON.parse((await ask(`${url}/json`, { Host: 'c.example' })).body), {
    host: 'c.example',
    a: { b: 1 }
  })
})

t.test("the built-in error page keeps its style under any site's policy", async (t) => {
  for (const securityHeaders of [false, { preset: 'strict' }, { preset: 'strict', override: true }]) {
    const url = await lbOf(t, { errorPages: true, securityHeaders, routes: [{ match: { path: '/none' }, respond: {} }] }) // prettier-ignore
    const { headers, body } = await ask(`${url}/`, { Accept: 'text/html' })
    const style = /<style>([^]*)<\/style>/.exec(body)![1]!
    const policy = headers['content-security-policy']
    t.type(policy, 'string', 'one policy')
    t.match(policy, `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`)
    t.notMatch(body, /<script|style="/)
  }
})

t.test('Strict-Transport-Security goes out over TLS and nowhere else', async (t) => {
  const port = await backend(t, (_, response) => response.end('x'))
  const pools = { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  const clear = await lbOf(t, { securityHeaders: true, pool: 'web' }, pools)
  const secure = await lbOf(
    t,
    { securityHeaders: { preset: 'strict' }, tls: { selfSigned: true }, pool: 'web' },
    pools
  )
  t.equal((await ask(clear)).headers['strict-transport-security'], undefined)
  const { headers } = await ask(secure.replace('http:', 'https:'))
  t.equal(headers['strict-transport-security'], 'max-age=63072000; includeSubDomains')
})

t.test('a page of http is another origin than its like of https', async (t) => {
  const port = await backend(t, (_, response) => response.end('x'))
  const pools = { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
  const secure = await lbOf(t, { csrf: {}, tls: { selfSigned: true }, pool: 'web' }, pools)
  const url = secure.replace('http:', 'https:')
  const { host } = new URL(url)
  t.equal((await ask(url, { Origin: `https://${host}` }, 'POST')).status, 200)
  t.equal((await ask(url, { Origin: `http://${host}` }, 'POST')).status, 403)
  const behind = await lbOf(t, { csrf: {}, trustedProxies: ['127.0.0.0/8'], pool: 'web' }, pools)
  const authority = new URL(behind).host
  for (const [proto, scheme, status] of [['https', 'https', 200], ['https', 'http', 403], ['http', 'http', 200]] as const) {
    const asked = await ask(behind, { Origin: `${scheme}://${authority}`, 'X-Forwarded-Proto': proto }, 'POST')
    t.equal(asked.status, status, `${scheme} behind a proxy of ${proto}`)
  }
}) // prettier-ignore
