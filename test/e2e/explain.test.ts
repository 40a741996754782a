import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import t from 'tap'
import { get } from './clients.ts'
import { httpOrigin, startLb } from './servers.ts'

const bin = resolve(import.meta.dirname, '../../bin/lb.js')

/** The command as a user runs it. */
function lb(...args: string[]): Promise<{ code: number; out: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [bin, ...args], { cwd: '/' }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), out: stdout + stderr })
    })
  })
}

t.test('explain predicts what a running lb then does', async (t) => {
  const names = ['api', 'site'] as const
  const [api, site] = await Promise.all(
    names.map((name) =>
      httpOrigin(t, name, (request, response) => {
        response.setHeader('cache-control', request.url === '/private' ? 'private' : 'max-age=60')
        response.setHeader('vary', 'x-kind')
        response.end(request.url)
      })
    )
  )
  const running = await startLb(t, {
    workers: 2,
    admin: { bind: '127.0.0.1:0', token: 's3cret' },
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [
          { name: 'api', match: { pathPrefix: '/api' }, rewrite: { stripPrefix: '/api' }, pool: 'api' },
          { name: 'old', match: { path: '/old' }, redirect: { to: '/new{query}', status: 301 } },
          {
            name: 'site',
            match: { methods: ['GET', 'HEAD'] },
            pool: 'site',
            cache: { store: 'main', key: { ignoreQuery: ['utm_*'] } }
          }
        ]
      }
    ],
    pools: { api: { backends: [api!.address] }, site: { backends: [site!.address] } },
    caches: { main: { maxBytes: '8mb' } }
  })
  const port = running.port('web')
  const admin = ['--admin', running.running.adminAddresses[0]!, '--token', 's3cret']
  const explain = async (path: string, ...args: string[]) =>
    (await lb('explain', ...admin, ...args, `http://127.0.0.1:${port}${path}`)).out

  t.match(await explain('/api/x?y'), /route +api\npool +api\nasks for +\/x\?y\ncache +none/)
  t.equal((await get(port, '/api/x?y')).body, '/x?y')
  t.match(await explain('/old?a=b'), /route +old\n[^]*redirect +301 to \/new\?a=b/)
  t.match(await explain('/x', '-X', 'PUT'), /not site: methods[^]*refused +404 LB_NO_ROUTE/)

  t.match(
    await explain('/page?utm_x=1'),
    /key +http:\/\/127.0.0.1:\d+\/page\noutcome +miss[^]*stored +depends/
  )
  const before = site!.requests
  await get(port, '/page')
  // Through the other worker or the same: there is one store, and the main thread looks into it.
  t.match(
    await explain('/page?utm_x=1'),
    /varies by +header x-kind: \(absent\)\noutcome +hit[^]*found +200, 5 bytes/
  )
  t.match((await get(port, '/page')).headers['cache-status'], /hit/)
  t.match(await explain('/page', '-H', 'X-Kind: other'), /x-kind: other\noutcome +miss/)
  t.match(await explain('/page', '-H', 'Cache-Control: no-cache'), /outcome +revalidate: the request asks/)
  await get(port, '/private')
  t.match(await explain('/private'), /outcome +miss: the last answer was not storable/)
  t.equal(site!.requests, before + 2, 'explaining asks no backend')

  t.match(await lb('explain', '--admin', admin[1]!, 'http://a/'), { code: 1, out: /token/ })
  t.match(await lb('explain', ...admin, '--listener', 'x', 'http://a/'), { code: 2, out: /there are: web/ })
  t.match(await lb('explain', ...admin, '/page'), { code: 2, out: /whole URL/ })
})

t.test('explain reads a file alone, which need not run anywhere', async (t) => {
  const dir = t.testdir({
    'lb.yaml': `
listeners:
  - { name: web, bind: ":80", mode: l7, routes: [{ name: site, match: {}, pool: site, cache: { store: main } }] }
  - { name: other, bind: ":81", mode: l7, pool: site }
pools: { site: { backends: ["127.0.0.1:9"] } }
caches: { main: { maxBytes: 8mb } }
`,
    'bad.yaml': 'listeners: 7'
  })
  const file = join(dir, 'lb.yaml')
  const explain = (...args: string[]) => lb('explain', '-c', file, ...args)
  t.match(await explain('http://example.com/a'), {
    code: 0,
    out: /listener +web\n[^]*key +http:\/\/example\.com\/a\noutcome +unknown/
  })
  t.match((await explain('http://example.com:81/a')).out, /listener +other\n[^]*cache +none/)
  t.match(
    (await lb('-c', file, 'explain', 'http://a', '--response-header', 'Cache-Control: max-age=9')).out,
    /yes.*9 s/
  )
  t.match(JSON.parse((await explain('--json', 'http://a/')).out), { route: 'site', cache: { store: 'main' } })
  t.match(await explain('http://example.com:7/a'), {
    code: 2,
    out: /nobody listens on port 7; .*: web, other/
  })
  t.match(await lb('explain', '-c', join(dir, 'bad.yaml'), 'http://a'), { code: 2, out: /bad\.yaml:1/ })
})

t.test('explain tells the numbers of the running lb, over all workers', async (t) => {
  const held: (() => void)[] = []
  const origin = await httpOrigin(t, 'origin', (request, response) => {
    if (request.url === '/held') held.push(() => response.end())
    else response.end('fine')
  })
  const running = await startLb(t, {
    workers: 2,
    admin: { bind: '127.0.0.1:0', token: 's3cret' },
    listeners: [
      {
        name: 'web',
        bind: '127.0.0.1:0',
        mode: 'l7',
        pool: 'origin',
        rateLimit: { requests: 20, per: '1h', key: 'header:x-key' },
        concurrency: { max: 2 }
      }
    ],
    pools: { origin: { backends: [origin.address] } }
  })
  const url = `http://127.0.0.1:${running.port('web')}`
  const explain = async (key: string): Promise<string> => {
    const response = await fetch(`http://${running.running.adminAddresses[0]!}/api/explain`, {
      method: 'POST',
      headers: { authorization: 'Bearer s3cret', 'content-type': 'application/json' },
      body: JSON.stringify({ url: `${url}/`, headers: [`X-Key: ${key}`] })
    })
    return response.text()
  }
  t.match(await explain('one'), /19 of 20 left[^]*0 of 2 places are taken/)
  for (let i = 0; i < 15; i++) await fetch(url, { headers: { 'x-key': 'one' } })
  t.match(await explain('one'), /4 of 20 left/, 'with the request that is asked about')
  t.match(await explain('two'), /19 of 20 left/)
  const under = [1, 2].map(() => fetch(`${url}/held`, { headers: { 'x-key': 'two' } }))
  while (held.length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
  t.match(
    await explain('two'),
    /all 2 places are taken[^]*LB_CONCURRENCY|LB_CONCURRENCY[^]*all 2 places are taken/
  )
  for (const release of held) release()
  await Promise.all(under)
  t.match(await explain('two'), /17 of 20 left[^]*0 of 2 places are taken/, 'and it takes nothing')
})
