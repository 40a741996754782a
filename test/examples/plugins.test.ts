import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Config, start } from '../../src/index.ts'
import { httpOrigin } from '../e2e/servers.ts'

t.setTimeout(240_000)

const plugin = (name: string): string => join(import.meta.dirname, `../../examples/plugins/${name}.ts`)

/** One of the examples, as it is, before two backends. */
async function boot(t: Test, name: string, keys: object, workers = 0) {
  const seen: IncomingHttpHeaders[] = []
  const origin = (who: string) =>
    httpOrigin(t, who, (request, response) => {
      seen.push(request.headers)
      if (request.method === 'POST') request.pipe(response)
      else response.end(who)
    })
  const [site, canary] = [await origin('site'), await origin('canary')]
  const config = {
    workers,
    plugins: [plugin(name)],
    listeners: [{ bind: '127.0.0.1:0', mode: 'l7', pool: 'site', plugins: { [name]: keys } }],
    pools: { site: { backends: [site.address] }, canary: { backends: [canary.address] } }
  } as unknown as Config
  const lb = await start(config)
  t.teardown(() => lb.kill())
  const { address, port } = lb.addresses[0]!
  const ask = (headers: Record<string, string> = {}, path = '/') =>
    fetch(`http://${address}${path}`, { headers })
  return { lb, seen, ask, port: port! }
}

t.test('A/B: a share of visitors gets the variant, and each visitor stays with one', async (t) => {
  const { ask, lb } = await boot(t, 'ab', { pool: 'canary', share: '50%' }, 1)
  const groups = new Map<string, number>()
  for (let i = 0; i < 60; i++) {
    const answer = await ask()
    const body = await answer.text()
    const cookie = answer.headers.get('set-cookie')!
    t.match(cookie, body === 'canary' ? /^ab=b; Path=\// : /^ab=a; Path=\//)
    const again = await ask({ cookie: cookie.split(';')[0]! })
    t.equal(await again.text(), body)
    t.equal(again.headers.get('set-cookie'), null)
    groups.set(body, (groups.get(body) ?? 0) + 1)
  }
  t.ok(groups.size === 2, JSON.stringify([...groups]))
  t.match(lb.metrics(), /lb_plugin_events_total\{plugin="ab",event="group-b"\} \d+/)
  await t.rejects(boot(t, 'ab', { pool: 'nowhere' }), /there is no pool "nowhere"/)
})

t.test('tenant: from the host, and from nowhere else', async (t) => {
  const { seen, port } = await boot(t, 'tenant', { known: ['acme'] })
  const { request } = await import('node:http')
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) =>
      request({ port, host: '127.0.0.1', headers, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode!)
      })
        .on('error', reject)
        .end()
    )
  t.equal(
    await ask({ host: 'acme.example', 'x-tenant': 'globex', x_tenant: 'globex', 'X-TENANT': 'globex' }),
    200
  )
  t.match(seen[0], { 'x-tenant': 'acme', x_tenant: undefined })
  t.equal(await ask({ host: 'globex.example', 'x-tenant': 'acme' }), 403)
})

t.test('maintenance: within the window all but some are answered 503', async (t) => {
  const at = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
  const { ask } = await boot(t, 'maintenance', { from: at(-1), until: at(1) })
  const answer = await ask()
  t.match(answer, { status: 503 })
  t.ok(Number(answer.headers.get('retry-after')) > 30)
  t.match(await answer.text(), /back soon/)
  t.equal(
    (await (await boot(t, 'maintenance', { from: at(-1), until: at(1), except: ['127.0.0.1'] })).ask())
      .status,
    200
  )
  t.equal((await (await boot(t, 'maintenance', { from: at(1), until: at(2) })).ask()).status, 200)
  await t.rejects(boot(t, 'maintenance', { from: 'tomorrow', until: at(2) }), /"tomorrow" is no time/)
})

t.test('signing: a backend can tell that a request came through here', async (t) => {
  const { ask, seen } = await boot(t, 'signing', { key: 'secret', id: 'k1' }, 1)
  await ask({ signature: 'forged' }, '/a?b=c')
  const { signature, 'signature-date': date, host } = seen[0]!
  const expected = createHmac('sha256', 'secret')
    .update(`GET /a?b=c\n${host}\n${String(date)}`)
    .digest('base64')
  t.equal(signature, `keyid="k1", signature="${expected}"`)
})

t.test('json: some names do not come through, and nothing that is no JSON', async (t) => {
  const { port } = await boot(t, 'json', { drop: ['role', 'isAdmin'], maxBytes: '1kb' }, 1)
  const post = async (body: string, type = 'application/json', more: Record<string, string> = {}) => {
    const headers = { 'content-type': type, ...more }
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body })
    return [answer.status, answer.status === 200 ? await answer.text() : '']
  }
  const cases: [string, string][] = [
    ['{"name": "a", "role": "admin"}', '{"name":"a"}'],
    ['{"a": [{"isAdmin": true, "b": 1}], "role": {}}', '{"a":[{"b":1}]}'],
    ['{"a": {"role": 1}, "a": {}}', '{"a":{}}'],
    ['{"r\\u006fle": 1, "é": 2}', '{"é":2}'],
    ['7', '7']
  ]
  for (const [sent, came] of cases) t.strictSame(await post(sent), [200, came])
  t.strictSame(await post('{"role": 1}', 'application/vnd.a+json; charset=utf-8'), [200, '{}'])
  t.strictSame(await post('{"role": 1}', 'text/plain'), [200, '{"role": 1}'])
  t.strictSame(await post('{"a": 1'), [400, ''])
  t.strictSame(await post('\ufeff'), [400, ''])
  t.strictSame(await post(JSON.stringify('x'.repeat(2_000))), [413, ''])
  t.strictSame(await post('{}', 'application/json', { 'content-encoding': 'gzip' }), [415, ''])
})
