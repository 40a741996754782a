import t from 'tap'
import { connect } from 'node:net'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { configFromObject } from '../../../src/config/parse-config.ts'
import { PageTemplate } from '../../../src/l7/stages/error-pages/page-template.ts'
import { backend, lbOf } from './serve.ts'

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' }

t.test('people see a page with the id of their request, and programs what they had', async (t) => {
  const url = await lbOf(t, {
    errorPages: true,
    routes: [{ match: { path: '/there' }, respond: { status: 404, body: 'own' } }]
  })
  const page = await fetch(`${url}/missing`, { headers: html })
  t.equal(page.status, 404)
  t.match(page.headers.get('content-type'), /^text\/html/)
  t.match(page.headers.get('vary'), /Accept/)
  const text = await page.text()
  t.match(text, /<div class="status">404<\/div>\s*<h1>Not Found<\/h1>/)
  t.ok(text.includes(page.headers.get('x-request-id')!), 'its id')
  t.notMatch(text, /(?:src|href)=|url\(|@import/, 'nothing is fetched')
  t.match(await (await fetch(`${url}/missing`)).text(), /not found \(LB_NO_ROUTE\)/)
  const json = await fetch(`${url}/missing`, { headers: { accept: 'application/json' } })
  t.match(await json.json(), { error: { code: 'LB_NO_ROUTE' } })
  t.equal(
    await (await fetch(`${url}/there`, { headers: html })).text(),
    'own',
    'an answer of the route itself'
  )
})

t.test("a malformed head is answered in the client's protocol", async (t) => {
  const url = await lbOf(t, { errorPages: true, routes: [{ match: {}, respond: { status: 200 } }] })
  const { port, hostname } = new URL(url)
  const long = `Cookie: ${'c'.repeat(70_000)}\r\n`
  for (const [fields, status, type] of [
    [`Accept: text/html\r\n${long}`, 431, 'text/html'],
    [`Accept: application/json\r\n${long}`, 431, 'application/json'],
    [long, 431, 'text/plain'],
    ['accept:application/problem+json\r\nHost: y\r\n', 400, 'application/problem+json'],
    ['Accept: text/html\r\nHost: y\r\n', 400, 'text/html'],
    ['X: Accept: text/html\r\nHost: y\r\n', 400, 'text/plain']
  ] as const) {
    const socket = connect(Number(port), hostname).setEncoding('latin1')
    t.teardown(() => socket.destroy())
    // It may be answered, and closed, before all has been sent.
    socket.on('error', () => {}).write(`GET / HTTP/1.1\r\nHost: x\r\n${fields}\r\n`)
    let answer = ''
    for await (const part of socket) {
      answer += part as string
      if (answer.includes('</html>') || /\r\n\r\n[^<].*\n$/s.test(answer)) break
    }
    t.match(
      answer,
      new RegExp(`^HTTP/1.1 ${status} [^]*\r\ncontent-type: ${type.replace('+', '[+]')}`, 'i'),
      fields.slice(0, 40)
    )
    const id = /x-request-id: (\w+)/i.exec(answer)![1]!
    if (type !== 'text/plain') t.ok(answer.split('\r\n\r\n')[1]!.includes(id), 'with its id')
  }
})

t.test('pages come from files and from the configuration, for backends too where asked', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-pages-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'sorry.html'), '<p>Sorry: {status} {reason} for {host} & {unknown}')
  const port = await backend(t, (request, response) => {
    response
      .writeHead(Number(request.url!.slice(1)), { 'Content-Type': 'text/plain', ETag: '"x"' })
      .end('raw')
  })
  const errorPages = {
    503: join(folder, 'sorry.html'),
    '4xx': { body: 'no: {requestId}', type: 'text/plain' },
    backend: true
  }
  const pools = { pools: { web: { backends: [`127.0.0.1:${port}`], retry: false } } }
  const url = await lbOf(t, { errorPages, pool: 'web' }, pools)
  const sorry = await fetch(`${url}/503`)
  t.equal(sorry.status, 503)
  t.equal(await sorry.text(), '<p>Sorry: 503 Service Unavailable for 127.0.0.1 & {unknown}')
  t.equal(sorry.headers.get('etag'), null)
  t.match(await (await fetch(`${url}/418`)).text(), /^no: \S+$/)
  t.equal(await (await fetch(`${url}/500`)).text(), 'raw', 'one that is not named, to who wants no page')
  const json = await fetch(`${url}/502`, { headers: { accept: 'application/json' } })
  t.match(await json.json(), { error: { status: 502, message: 'Bad Gateway', requestId: /./ } })
  t.equal(await (await fetch(`${url}/200`)).text(), 'raw')
  const head = await fetch(`${url}/503`, { method: 'HEAD' })
  t.equal(head.status, 503)
  const kept = await lbOf(t, { errorPages: { '5xx': { body: 'mine' } }, pool: 'web' }, pools)
  t.equal(await (await fetch(`${kept}/503`)).text(), 'raw', "a backend's own word stays")
})

t.test('a page that has changed is shown without a reload, and one that is gone stays', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lb-pages-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'lost.json')
  writeFileSync(file, '{"at":"first {status}"}')
  const url = await lbOf(t, {
    errorPages: { 404: file, 405: { file, type: 'text/plain' } },
    limits: { methods: ['GET'] },
    routes: [{ match: { path: '/there' }, respond: { status: 200, body: 'own' } }]
  })
  const shown = async (): Promise<string> => (await fetch(`${url}/lost`)).text()
  t.equal(await shown(), '{"at":"first 404"}')
  t.equal((await fetch(`${url}/lost`)).headers.get('content-type'), 'application/json')
  const denied = await fetch(`${url}/there`, { method: 'DELETE' })
  t.match([denied.status, denied.headers.get('content-type')], [405, 'text/plain'])
  const until = async (text: string): Promise<void> => {
    const end = Date.now() + 30_000
    while ((await shown()) !== text && Date.now() < end) await sleep(50)
    t.equal(await shown(), text)
  }
  writeFileSync(file, '{"at":"second"}')
  await until('{"at":"second"}')
  rmSync(file)
  await sleep(1200)
  t.equal(await shown(), '{"at":"second"}')
  writeFileSync(file, 'x'.repeat(300_000))
  await sleep(1200)
  t.equal(await shown(), '{"at":"second"}', 'one that is too large is not taken')
  writeFileSync(file, '{"at":"third"}')
  await until('{"at":"third"}')
})

t.test('values of placeholders are escaped', (t) => {
  const facts = { status: 400, reason: 'R', requestId: `<a href="x">'&`, host: 'h"\\' }
  const filled = (body: string, type: string) => String(new PageTemplate(body, type).fill(facts))
  t.equal(filled('{requestId}', 'text/html'), '&lt;a href=&quot;x&quot;&gt;&#39;&amp;')
  t.equal(filled('"{host}"', 'application/json'), '"h\\"\\\\"')
  t.end()
})

t.test('a missing file and an invalid status are errors of the configuration', (t) => {
  for (const [errorPages, message] of [
    [{ 503: './not-there.html' }, /cannot read the page .*not-there/],
    [{ 200: { body: '' } }, /a status such as 503/],
    [{ 503: true }, /expected a file/],
    [{ 503: { type: 'text/html' } }, /expected a file/]
  ] as const) {
    const result = configFromObject({
      listeners: [{ name: 'web', bind: ':0', mode: 'l7', pool: 'web', errorPages }],
      pools: { web: { backends: ['127.0.0.1:1'] } }
    })
    t.match(JSON.stringify(result), message)
  }
  t.end()
})
