import t, { type Test } from 'tap'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { zstdDecompressSync } from 'node:zlib'
import { configure, start } from '../../../src/index.ts'
import { dictionariesWork, mayBeDictionary } from '../../../src/l7/stages/compress/dictionary/dcz.ts'
import { backend } from './serve.ts'

t.setTimeout(120_000)

const skip = !dictionariesWork() && 'this Node has no dictionaries for zstd'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly raw: Buffer
}

async function ask(url: string, headers: Record<string, string>, method = 'GET'): Promise<Answer> {
  const request = httpsRequest(url, { method, headers, agent: false, rejectUnauthorized: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode!, headers: response.headers, raw: Buffer.concat(chunks) }
}

/** A page that nothing can compress much: of words, each once. */
function page(bytes: number, edits: readonly number[] = []): Buffer {
  let text = ''
  for (let i = 0; text.length < bytes; i++) {
    text += `${((i + 1) * 2_654_435_761) % 4_294_967_296} `
    if (edits.includes(i)) text += 'EDITED '
  }
  return Buffer.from(text)
}

interface Rig {
  readonly secure: string
  readonly clear: string
  body: Buffer
}

async function rig(t: Test): Promise<Rig> {
  const port = await backend(t, (request, response) => {
    const tag = `"${hash('sha1', made.body).slice(0, 8)}"`
    if (request.headers['if-none-match'] === tag) return void response.writeHead(304, { ETag: tag }).end()
    response.writeHead(200, { 'Content-Type': 'text/html', 'Cache-Control': 'no-cache', ETag: tag })
    response.end(made.body)
  })
  const both = { mode: 'l7' as const, bind: '127.0.0.1:0', compress: { dictionary: true } }
  const routes = [{ match: {}, pool: 'web', cache: { store: 'main' } }]
  const lb = await start(
    configure({
      workers: 0,
      log: { level: 'silent' },
      listeners: [
        { ...both, name: 'secure', tls: { selfSigned: true }, routes },
        { ...both, name: 'clear', routes }
      ],
      pools: { web: { backends: [`127.0.0.1:${port}`] } },
      caches: { main: { maxBytes: '32mb', maxObjectBytes: '2mb' } }
    })
  )
  t.teardown(() => lb.kill())
  const [secure, clear] = lb.addresses.map(({ address }) => address)
  const made = { secure: `https://${secure!}`, clear: `http://${clear!}`, body: page(30_000) }
  return made
}

const browser = {
  'Accept-Encoding': 'gzip, deflate, br, zstd, dcb, dcz',
  'Sec-Fetch-Site': 'same-origin'
}

function available(body: Buffer): string {
  return `:${hash('sha256', body, 'base64')}:`
}

function decoded(raw: Buffer, dictionary: Buffer): Buffer {
  const magic = raw.subarray(0, 8).toString('hex')
  if (magic !== '5e2a4d1820000000') throw new Error(`magic ${magic}`)
  if (raw.subarray(8, 40).toString('base64') !== hash('sha256', dictionary, 'base64')) throw new Error('hash')
  return zstdDecompressSync(raw.subarray(40), { dictionary })
}

t.test('what replaces a stored page goes out as the difference to it', { skip }, async (t) => {
  const made = await rig(t)
  const url = `${made.secure}/page`
  const old = made.body
  t.equal((await ask(url, browser)).headers['use-as-dictionary'], 'match="/page"', 'it is stored on the way')
  const offered = await ask(url, browser)
  t.equal(offered.headers['use-as-dictionary'], 'match="/page"')
  t.equal(offered.headers['content-encoding'], 'zstd')
  t.match(offered.headers.vary, /^Accept-Encoding, Available-Dictionary$/)
  made.body = page(30_000, [40, 900])
  const has = { ...browser, 'Available-Dictionary': available(old) }
  await ask(url, browser)
  for (const time of ['made', 'stored', 'stored']) {
    const { headers, raw } = await ask(url, has)
    t.equal(headers['content-encoding'], 'dcz', time)
    t.equal(headers.vary, 'Accept-Encoding, Available-Dictionary')
    t.match(headers.etag, /^W\//)
    t.equal(headers['content-length'], String(raw.length))
    t.ok(raw.length < 200, `${raw.length} bytes for ${made.body.length}`)
    t.ok(decoded(raw, old).equals(made.body))
    t.equal(headers['use-as-dictionary'], 'match="/page"', 'and is one itself')
  }
  const plain = (await ask(url, { ...browser, 'Accept-Encoding': 'zstd, dcz;q=0.5', 'Available-Dictionary': available(old) })).headers // prettier-ignore
  t.equal(plain['content-encoding'], 'zstd', 'its weight counts')
})

t.test('no other request gets one', { skip }, async (t) => {
  const made = await rig(t)
  const old = made.body
  const url = `${made.secure}/page`
  await ask(url, browser)
  await ask(url, browser)
  made.body = page(30_000, [7])
  await ask(url, browser)
  const has = { ...browser, 'Available-Dictionary': available(old) }
  t.equal((await ask(url, has)).headers['content-encoding'], 'dcz')
  const others: Record<string, [string, Record<string, string>]> = {
    'another dictionary': [url, { ...has, 'Available-Dictionary': available(Buffer.from('x')) }],
    'no hash': [url, { ...has, 'Available-Dictionary': ':AAAA:' }],
    'another URL': [`${made.secure}/other`, has],
    'a query': [`${url}?a`, has],
    'another site': [url, { ...has, 'Sec-Fetch-Site': 'cross-site' }],
    'any coding': [url, { ...has, 'Accept-Encoding': '*' }],
    'not dcz': [url, { ...has, 'Accept-Encoding': 'zstd, dcz;q=0' }]
  }
  for (const [who, [where, headers]] of Object.entries(others)) {
    await ask(where, headers)
    const answer = await ask(where, headers)
    t.equal(answer.status, 200)
    t.equal(answer.headers['content-encoding'], 'zstd', who)
  }
  for (const path of ['/a(b)', '/a*b', '/a%20b', '/a?b', '/a:b']) {
    await ask(made.secure + path, browser)
    const { headers } = await ask(made.secure + path, browser)
    t.equal(headers['use-as-dictionary'], path === '/a%20b' ? 'match="/a%20b"' : undefined, path)
  }
  for (let i = 0; i < 3; i++) {
    const clear = await fetch(`${made.clear}/page`, { headers: has })
    t.equal(clear.headers.get('use-as-dictionary'), null, 'in clear text')
    t.equal(clear.headers.get('content-encoding'), 'zstd')
    await clear.arrayBuffer()
  }
  t.notOk(mayBeDictionary(Buffer.from('37a430ec00', 'hex')), "zstd's own format")
})

t.test('a client whose copy was confirmed gets the difference to it later', { skip }, async (t) => {
  const made = await rig(t)
  const old = made.body
  const url = `${made.secure}/page`
  const { etag } = (await ask(url, browser)).headers
  // Nobody else has asked for it: the 304 is all that shows that it is of use.
  t.equal((await ask(url, { ...browser, 'If-None-Match': etag! })).status, 304)
  made.body = page(30_000, [12])
  await ask(url, browser)
  const answer = await ask(url, {
    ...browser,
    'If-None-Match': etag!,
    'Available-Dictionary': available(old)
  })
  t.equal(answer.headers['content-encoding'], 'dcz')
  t.ok(decoded(answer.raw, old).equals(made.body))
})

t.test('long bodies are compressed off the thread, for those who ask later', { skip }, async (t) => {
  const made = await rig(t)
  const old = (made.body = page(400_000))
  const url = `${made.secure}/app.js`
  await ask(url, browser)
  t.equal((await ask(url, browser)).headers['use-as-dictionary'], 'match="/app.js"')
  made.body = page(400_000, [3, 20_000])
  await ask(url, browser)
  const has = { ...browser, 'Available-Dictionary': available(old) }
  const end = Date.now() + 30_000
  let answer = await ask(url, has)
  while (answer.headers['content-encoding'] !== 'dcz' && Date.now() < end) {
    await sleep(50)
    answer = await ask(url, has)
  }
  t.ok(decoded(answer.raw, old).equals(made.body))
  t.ok(answer.raw.length < 2000)
})
