import t from 'tap'
import { once } from 'node:events'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { configFromObject } from '../../../src/config/parse-config.ts'
import { Origins, originProblem } from '../../../src/l7/stages/cors/origins.ts'
import { backend, lbOf } from './serve.ts'

async function ask(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET'
): Promise<{ status: number; headers: IncomingHttpHeaders; raw: readonly string[] }> {
  const request = httpRequest(url, { method, headers, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  response.resume()
  await once(response, 'close')
  return { status: response.statusCode!, headers: response.headers, raw: response.rawHeaders }
}

function pools(port: number): object {
  return { pools: { web: { backends: [`127.0.0.1:${port}`] } } }
}

t.test('security headers stand on every answer, and the backend wins unless it is overridden', async (t) => {
  const port = await backend(t, (request, response) => {
    response.setHeader('Server', 'nginx').setHeader('X-Powered-By', 'PHP')
    if (request.url === '/own') response.setHeader('X-Frame-Options', 'DENY')
    response.end('body')
  })
  const one = (securityHeaders: unknown) =>
    lbOf(t, { securityHeaders, routes: [{ match: { pathPrefix: '/' , methods: ['GET'] }, pool: 'web' }] }, pools(port)) // prettier-ignore
  const site = await one(true)
  const plain = await ask(site)
  t.match(plain.headers, {
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
    'referrer-policy': 'strict-origin-when-cross-origin'
  })
  for (const name of ['server', 'x-powered-by', 'strict-transport-security']) {
    t.equal(plain.headers[name], undefined, name)
  }
  t.equal((await ask(`${site}/own`)).headers['x-frame-options'], 'DENY')
  t.equal((await ask(`${site}/own`)).headers['referrer-policy'], 'strict-origin-when-cross-origin')
  const error = await ask(site, {}, 'POST')
  t.match(error, {
    status: 404,
    headers: { 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN' }
  })
  t.equal(error.raw.filter((name) => name.toLowerCase() === 'x-content-type-options').length, 1)

  const override = await one({ preset: 'none', frame: 'SAMEORIGIN', override: true, hide: [] })
  const own = await ask(`${override}/own`)
  t.match(own.headers, { 'x-frame-options': 'SAMEORIGIN', server: 'nginx', 'referrer-policy': undefined })
  const api = await ask(
    await one({ preset: 'api', frame: false, csp: "default-src 'self'", permissions: 'usb=()' })
  )
  t.match(api.headers, {
    'x-frame-options': undefined,
    'content-security-policy': "default-src 'self'",
    'permissions-policy': 'usb=()',
    'referrer-policy': 'no-referrer'
  })
})

t.test('origins match by name, and subdomains by whole labels', (t) => {
  const origins = new Origins([
    ...['https://app.example.com', 'https://*.example.org', 'http://a.test:80', 'https://*.Bücher.test:443'],
    ...[
      'HTTPS://MiXed.test',
      'https://bücher.test:8443',
      'http://[0:0:0:0:0:0:0:1]:80',
      'chrome-extension://abc'
    ]
  ])
  for (const [origin, allowed] of Object.entries({
    'https://app.example.com': true,
    'https://app.example.com:8443': false,
    'http://app.example.com': false,
    'https://app.example.com.evil.test': false,
    'https://a.example.org': true,
    'https://a.b.example.org': true,
    'https://example.org': false,
    'https://evilexample.org': false,
    'https://evil.test/.example.org': false,
    'https://evil.test#.example.org': false,
    'https://evil.test:1.example.org': false,
    'https://.example.org': false,
    'http://a.test': true,
    'https://mixed.test': true,
    'https://xn--bcher-kva.test:8443': true,
    'https://a.xn--bcher-kva.test': true,
    'https://xn--bcher-kva.test': false,
    'http://[::1]': true,
    'chrome-extension://abc': true,
    'chrome-extension://abcd': false,
    null: false,
    '': false
  })) {
    t.equal(origins.has(origin), allowed, origin)
  }
  for (const wrong of [
    'null',
    'https://a.test/',
    'app.example.com',
    'https://a.*.test',
    '*.a.test',
    'https://*.1.2.3.4'
  ]) {
    t.ok(originProblem(wrong), wrong)
  }
  t.end()
})

t.test('preflights are answered here, and pages of named origins may read', async (t) => {
  let asked = 0
  const port = await backend(t, (_request, response) => {
    asked++
    response.setHeader('Access-Control-Allow-Origin', '*').setHeader('Vary', 'Accept')
    response.setHeader('Cache-Control', 'max-age=60').end('body')
  })
  const cors = {
    origins: ['https://app.example.com', 'https://*.example.org'],
    methods: ['GET', 'PUT'],
    headers: ['authorization', 'X-A'],
    exposed: ['X-B'],
    credentials: true,
    maxAge: '10m'
  }
  const url = await lbOf(
    t,
    {
      cors,
      limits: { methods: ['GET', 'PUT'] },
      routes: [{ match: {}, pool: 'web', cache: { store: 'main' } }]
    },
    { ...pools(port), caches: { main: { maxBytes: '16mb' } } }
  )
  const preflight = (origin: string, method: string, headers?: string) =>
    ask(
      url,
      {
        Origin: origin,
        'Access-Control-Request-Method': method,
        ...(headers !== undefined && { 'Access-Control-Request-Headers': headers })
      },
      'OPTIONS'
    )
  const fine = await preflight('https://a.example.org', 'PUT', 'authorization, x-a')
  t.match(fine, {
    status: 204,
    headers: {
      'access-control-allow-origin': 'https://a.example.org',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'authorization, X-A',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '600',
      vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers'
    }
  })
  for (const refused of [
    await preflight('https://evil.test', 'GET'),
    await preflight('https://a.example.org', 'DELETE'),
    await preflight('https://a.example.org', 'GET', 'x-other'),
    await preflight('null', 'GET')
  ]) {
    t.match(refused, { status: 204, headers: { 'access-control-allow-origin': undefined } })
  }
  t.equal(asked, 0)
  for (const origin of ['https://app.example.com', 'https://evil.test', 'https://b.example.org', undefined]) {
    const { headers } = await ask(url, origin === undefined ? {} : { Origin: origin })
    const allowed = origin === undefined || origin.includes('evil') ? undefined : origin
    t.equal(headers['access-control-allow-origin'], allowed, `${origin}, ${headers['cache-status']}`)
    t.equal(headers['access-control-expose-headers'], allowed === undefined ? undefined : 'X-B')
    t.equal(headers.vary, 'Accept, Origin')
  }
  t.equal(asked, 1, 'one answer is stored for all origins')
  const two = await ask(url, { Origin: 'https://app.example.com, https://evil.test' })
  t.equal(two.headers['access-control-allow-origin'], undefined, 'two origins are none')
})

t.test('anybody, any method and any field are `*`', async (t) => {
  const port = await backend(t, (_request, response) => void response.end('body'))
  const any = await lbOf(t, { cors: { origins: '*', privateNetwork: true }, pool: 'web' }, pools(port))
  for (const headers of [{ Origin: 'https://evil.test' }, {}] as Record<string, string>[]) {
    // One that was fetched without an origin, for an image, is taken from a browser's cache for a script.
    const open = await ask(any, headers)
    const told = { 'access-control-allow-origin': '*', vary: undefined }
    t.match(open.headers, { ...told, 'access-control-allow-credentials': undefined })
  }
  const preflight = (url: string, fields: Record<string, string>) =>
    ask(url, { Origin: 'https://app.test', 'Access-Control-Request-Method': 'GET', ...fields }, 'OPTIONS')
  const network = 'access-control-request-private-network'
  for (const [value, told] of [['true', 'true'], ['false', undefined]] as const) {
    const { headers } = await preflight(any, { [network]: value })
    t.equal(headers['access-control-allow-private-network'], told)
  } // prettier-ignore
  const cors = { origins: 'https://app.test', methods: ['*'], headers: ['*'], credentials: true }
  const wide = await lbOf(t, { cors, pool: 'web' }, pools(port))
  const asked = 'access-control-request-headers'
  const fine = await preflight(wide, { 'access-control-request-method': 'PATCH', [asked]: 'x-a,x-b' })
  t.match(fine.headers, {
    'access-control-allow-methods': 'PATCH',
    'access-control-allow-headers': 'x-a, x-b',
    'access-control-allow-credentials': 'true'
  })
  for (const names of ['x-a, authorization', 'x a', 'x-a;x-b']) {
    const { headers } = await preflight(wide, { [asked]: names })
    t.equal(headers['access-control-allow-origin'], undefined, names)
  }
  const named = { ...cors, headers: ['*', 'Authorization'] }
  const bearer = await lbOf(t, { cors: named, pool: 'web' }, pools(port))
  const { headers } = await preflight(bearer, { [asked]: 'authorization' })
  t.equal(headers['access-control-allow-headers'], 'authorization')
  for (const wrong of [{ origins: '*' }, { origins: 'https://app.test', exposed: ['*'] }]) {
    const web = { name: 'web', bind: ':0', mode: 'l7', pool: 'web', cors: { ...wrong, credentials: true } }
    const parsed = configFromObject({ listeners: [web], ...pools(port) })
    t.notOk(parsed.ok)
    t.match(JSON.stringify(parsed), /would let any site read|name the fields/)
  }
})

t.test('requests across origins that change something are refused', async (t) => {
  const port = await backend(t, (_request, response) => void response.end('body'))
  const url = await lbOf(
    t,
    { csrf: { trustedOrigins: ['https://app.example.com'] }, pool: 'web' },
    pools(port)
  )
  const host = new URL(url).host
  const cases: [string, Record<string, string>, number][] = [
    ['POST', {}, 200],
    ['POST', { 'Sec-Fetch-Site': 'same-origin' }, 200],
    ['POST', { 'Sec-Fetch-Site': 'none' }, 200],
    ['POST', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['POST', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['GET', { 'Sec-Fetch-Site': 'cross-site' }, 200],
    ['HEAD', { 'Sec-Fetch-Site': 'cross-site' }, 200],
    ['OPTIONS', { 'Sec-Fetch-Site': 'cross-site' }, 200],
    ['PUT', { Origin: `http://${host}` }, 200],
    ['PUT', { Origin: `https://${host}` }, 403],
    ['DELETE', { Origin: 'https://evil.test' }, 403],
    ['PATCH', { Origin: 'null' }, 403],
    ['POST', { 'Sec-Fetch-Site': 'cross-site', 'Origin': 'https://app.example.com' }, 200],
    ['POST', { 'Sec-Fetch-Site': 'cross-site', 'Origin': 'https://app.example.com.evil.test' }, 403],
    ['POST', { 'Sec-Fetch-Site': 'same-origin', 'Origin': 'https://evil.test' }, 200],
    ['GET', { Connection: 'Upgrade', Upgrade: 'websocket', Origin: 'https://evil.test' }, 403]
  ] // prettier-ignore
  for (const [method, headers, status] of cases) {
    t.equal((await ask(url, headers, method)).status, status, `${method} ${JSON.stringify(headers)}`)
  }
  const shadow = await lbOf(t, { csrf: { shadow: true }, pool: 'web' }, pools(port))
  t.equal((await ask(shadow, { Origin: 'https://evil.test' }, 'POST')).status, 200, 'shadow')
})
