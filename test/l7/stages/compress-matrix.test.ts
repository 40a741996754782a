import t, { type Test } from 'tap'
import { once } from 'node:events'
import { connect as connectHttp2, constants as h2 } from 'node:http2'
import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { brotliDecompressSync, gunzipSync, gzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { backend, lbOf } from './serve.ts'

t.setTimeout(240_000)

// Every answer is judged by what RFC 9110 says of it, not by what the stage has chosen.

const decoders: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  zstd: zstdDecompressSync,
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync
}

/** What clients send: browsers, curl --compressed, Python, Go, Java, node, and what the syntax allows beyond. */
const accepts: readonly (string | undefined)[] = [
  undefined,
  '',
  'gzip, deflate, br, zstd',
  'gzip, deflate, br',
  'gzip, deflate',
  'gzip',
  'deflate, gzip, br, zstd',
  'br, gzip, deflate',
  'gzip;q=1.0, deflate;q=0.8, *;q=0.1',
  '*',
  '*;q=0',
  'identity',
  'identity;q=0, *',
  'identity;q=0',
  'identity;q=0, gzip;q=0.001',
  'identity;q=0.5, br;q=0.4',
  'br;q=0, gzip;q=0, zstd;q=0, deflate',
  'gzip;q=0, *;q=1',
  'GZIP;Q=0.3 , BR;q=0',
  'x-gzip',
  'gzip;q=1.5',
  ', gzip ,,'
]

const sizes = [0, 1, 1023, 1024, 40_000, 1_000_000]

interface Case {
  readonly accept: string | undefined
  readonly type: string
  readonly size: number
  readonly method: string
  readonly status: number
  readonly tag: string
  readonly length: boolean
  readonly control: string
  readonly coded: boolean
  readonly noise: boolean
  readonly early: boolean
  readonly range: boolean
  readonly stored: boolean
}

interface Answer {
  readonly status: number
  readonly fields: ReadonlyMap<string, string>
  readonly raw: Buffer
}

const bodies = new Map<string, Buffer>()

function bodyOf({ size, noise }: Pick<Case, 'size' | 'noise'>): Buffer {
  const name = `${size} ${noise}`
  let body = bodies.get(name)
  if (body === undefined) bodies.set(name, (body = makeBody({ size, noise })))
  return body
}

function makeBody(one: Pick<Case, 'size' | 'noise'>): Buffer {
  if (one.noise) {
    const noise = Buffer.alloc(one.size)
    for (let i = 0, x = 1; i < one.size; i++) {
      x = (Math.imul(x, 1664525) + 1013904223) >>> 0
      noise[i] = x >>> 24
    }
    return noise
  }
  let text = ''
  for (let i = 0; text.length < one.size; i++) text += `line ${i} of ${(i * 7919) % 1009}\n`
  return Buffer.from(text.slice(0, one.size))
}

/** What a backend that knows nothing of compression answers. */
function origin(request: IncomingMessage, response: ServerResponse): void {
  const one = JSON.parse(new URL(request.url!, 'http://x').searchParams.get('case')!) as Case
  request.resume()
  if (one.early) response.writeEarlyHints({ link: '</a.css>; rel=preload' })
  const identity = bodyOf(one)
  response.setHeader('Content-Type', one.type)
  if (one.tag !== '') response.setHeader('ETag', one.tag)
  if (one.control !== '') response.setHeader('Cache-Control', one.control)
  response.setHeader('Accept-Ranges', 'bytes')
  let body = identity
  if (one.coded) {
    body = gzipSync(identity)
    response.setHeader('Content-Encoding', 'gzip')
    response.setHeader('Vary', 'Accept-Encoding')
  }
  response.statusCode = one.status
  if (one.status === 206) {
    response.setHeader('Content-Range', `bytes 0-${body.length - 1}/${body.length * 2 + 1}`)
  }
  if (one.status === 204 || one.status === 304) return void response.end()
  if (one.length) response.setHeader('Content-Length', body.length)
  else response.flushHeaders()
  response.end(body)
}

function pathOf(one: Case): string {
  const { accept: _accept, method: _method, range: _range, ...told } = one
  // A path of its own: what is stored for one case answers no other, but GET and HEAD of it.
  return `${one.stored ? '/stored' : '/plain'}?case=${encodeURIComponent(JSON.stringify(told))}`
}

function requestFields(one: Case): Record<string, string> {
  return {
    ...(one.accept !== undefined && { 'accept-encoding': one.accept }),
    ...(one.range && { range: 'bytes=0-9' })
  }
}

async function overHttp1(url: string, agent: Agent, one: Case): Promise<Answer> {
  const { method } = one
  const request = httpRequest(url + pathOf(one), { method, headers: requestFields(one), agent }).end(
    method === 'POST' ? 'x' : undefined
  )
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const fields = new Map<string, string>()
  for (let i = 0; i < response.rawHeaders.length; i += 2) {
    const name = response.rawHeaders[i]!.toLowerCase()
    if (fields.has(name)) throw new Error(`${name} twice`)
    fields.set(name, response.rawHeaders[i + 1]!)
  }
  return { status: response.statusCode!, fields, raw: Buffer.concat(chunks) }
}

type Ask = (one: Case) => Promise<Answer>

async function overHttp2(session: ReturnType<typeof connectHttp2>, one: Case): Promise<Answer> {
  const stream = session.request({
    ':method': one.method,
    ':path': pathOf(one),
    ...requestFields(one)
  })
  stream.end(one.method === 'POST' ? 'x' : undefined)
  const [head] = (await once(stream, 'response')) as [Record<string, string | number>]
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  if (stream.rstCode !== h2.NGHTTP2_NO_ERROR) throw new Error(`reset: ${stream.rstCode}`)
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(head)) fields.set(name, String(value))
  return { status: Number(head[':status']), fields, raw: Buffer.concat(chunks) }
}

/** Whether the client takes `coding`, by RFC 9110 §12.5.3. */
function takes(accept: string | undefined, coding: string): boolean {
  if (accept === undefined) return coding === 'identity'
  let weight: number | undefined
  let any: number | undefined
  for (const element of accept.toLowerCase().split(',')) {
    const [name, q] = element.split(';').map((part) => part.trim())
    const value = q === undefined ? 1 : Number(q.slice(2))
    if (name === coding || (name === 'x-gzip' && coding === 'gzip')) weight ??= value > 1 ? 0 : value
    else if (name === '*') any ??= value
  }
  return (weight ?? any ?? (coding === 'identity' ? 1 : 0)) > 0
}

/** What is wrong with the answer. */
function problemsOf(one: Case, { status, fields, raw }: Answer): string[] {
  const problems: string[] = []
  const wrong = (is: boolean, what: string): void => void (is && problems.push(what))
  const coding = fields.get('content-encoding')
  const vary = (fields.get('vary') ?? '').toLowerCase()
  // A stored whole answers a range from the store.
  const partial = one.status === 206 || (one.range && one.stored && one.status === 200 && one.method === 'GET' && !one.coded) // prettier-ignore
  if (one.range && one.stored && status === 416) return one.size === 0 ? [] : ['416']
  wrong(status !== (partial ? 206 : one.status), `status ${status}`)
  const bodiless = one.method === 'HEAD' || status === 204 || status === 304
  let wanted = bodyOf(one)
  if (one.stored && status === 206) wanted = wanted.subarray(0, 10)
  if (bodiless) wrong(raw.length > 0, 'a body')
  else {
    const decode = coding === undefined ? undefined : decoders[coding]
    wrong(!(decode === undefined ? raw : decode(raw)).equals(wanted), 'the body is another')
  }
  const length = fields.get('content-length')
  if (!bodiless && length !== undefined) wrong(Number(length) !== raw.length, `length ${length}`)
  if (
    bodiless &&
    length !== undefined &&
    coding === undefined &&
    status < 300 &&
    status !== 204 &&
    !one.coded
  )
    wrong(Number(length) !== one.size, `length ${length} of HEAD`)
  if (status === 204 || status === 304) wrong(coding !== undefined && !one.coded, 'a coding of nothing')
  const ours = coding !== undefined && !one.coded
  const tag = fields.get('etag') ?? ''
  if (ours) {
    wrong(!takes(one.accept, coding), `${coding} was not asked for`)
    wrong(!one.type.startsWith('text/'), `a ${one.type} was compressed`)
    wrong(/no-transform/i.test(one.control), 'no-transform')
    wrong(status === 206 || fields.has('content-range'), 'a part')
    wrong(tag !== '' && !tag.startsWith('W/'), `strong tag ${tag}`)
    wrong(fields.has('accept-ranges'), 'ranges of what is made')
  } else if (status !== 304) wrong(tag !== one.tag, `tag ${tag}`)
  const may = one.type.startsWith('text/') && !/no-transform/i.test(one.control) && !one.coded
  const whole = status !== 206 && status !== 204 && status !== 304
  const large = one.size >= 1024
  // What is short goes to all alike; how long it is, is not always known before it goes.
  if (may && status !== 204 && (large || !whole)) wrong(!vary.includes('accept-encoding'), `Vary: ${vary}`)
  if (!may && !one.coded) wrong(vary !== '', `Vary: ${vary}`)
  const asked = ['zstd', 'br', 'gzip', 'deflate'].some((name) => takes(one.accept, name))
  if (may && large && whole && asked && !takes(one.accept, 'identity')) wrong(!ours, 'identity was refused')
  if (one.coded) wrong(coding !== 'gzip' && status === 200, 'the coding of the backend is lost')
  return problems
}

/** The fields that GET and HEAD must agree in (RFC 9110 §9.3.2). */
function differences(get: Answer, head: Answer): string[] {
  const found: string[] = []
  for (const name of ['content-encoding', 'etag', 'vary', 'accept-ranges', 'content-type', 'cache-control']) {
    const of = get.fields.get(name)
    if (of !== head.fields.get(name)) found.push(`${name}: ${of} for GET, ${head.fields.get(name)} for HEAD`)
  }
  const length = head.fields.get('content-length')
  if (length !== undefined && Number(length) !== get.raw.length) {
    found.push(`content-length: ${get.raw.length} for GET, ${length} for HEAD`)
  }
  return found
}

async function twoWays(t: Test): Promise<{ http1: Ask; http2: Ask }> {
  const port = await backend(t, origin)
  const url = await lbOf(
    t,
    {
      protocols: ['h2', 'http/1.1'],
      compress: true,
      routes: [
        { match: { path: '/stored' }, pool: 'web', cache: { store: 'main' } },
        { match: {}, pool: 'web' }
      ]
    },
    {
      pools: { web: { backends: [`127.0.0.1:${port}`] } },
      caches: { main: { maxBytes: '64mb', maxObjectBytes: '2mb' } }
    }
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const session = connectHttp2(url)
  session.on('error', () => {})
  t.teardown(() => {
    agent.destroy()
    session.destroy()
  })
  return {
    http1: async (one) => overHttp1(url, agent, one),
    http2: async (one) => overHttp2(session, one)
  }
}

/** Judges each case over both protocols, and GET against HEAD; those alike are told once. */
async function judge(
  t: Test,
  { http1, http2 }: { http1: Ask; http2: Ask },
  cases: readonly Case[]
): Promise<void> {
  const found = new Map<string, Case[]>()
  const encoded = new Set<string>()
  const check = async (one: Case): Promise<void> => {
    const problems: string[] = []
    for (const ask of [http1, http2]) {
      const answer = await ask(one)
      problems.push(...problemsOf(one, answer))
      encoded.add(answer.fields.get('content-encoding') ?? '')
      if (one.method !== 'GET') continue
      const head = await ask({ ...one, method: 'HEAD' })
      problems.push(...problemsOf({ ...one, method: 'HEAD' }, head))
      if (answer.status !== head.status) continue
      // A short body of unknown length varies when it passes, and not any more when it is stored.
      const shortens = one.stored && !one.length && one.size < 1024
      const all = differences(answer, head)
      problems.push(...all.filter((problem) => !shortens || !problem.startsWith('vary')))
    }
    for (const problem of problems) found.set(problem, [...(found.get(problem) ?? []), one])
  }
  for (let i = 0; i < cases.length; i += 16) await Promise.all(cases.slice(i, i + 16).map(check))
  for (const [problem, of] of found)
    t.fail(`${problem}: ${of.length} times, the first ${JSON.stringify(of[0])}`)
  t.equal(found.size, 0, `${cases.length} cases`)
  t.same([...encoded].sort(), ['', 'br', 'deflate', 'gzip', 'zstd'], 'all codings were seen')
}

const plain: Omit<Case, 'accept' | 'size'> = {
  type: 'text/plain',
  method: 'GET',
  status: 200,
  tag: '"t"',
  length: true,
  control: '',
  coded: false,
  noise: false,
  early: false,
  range: false,
  stored: false
}

/** What is varied beside Accept-Encoding and size, one thing at a time and some together. */
const shapes: readonly Partial<Case>[] = [
  {},
  { length: false },
  { type: 'image/png' },
  { tag: 'W/"w"', length: false },
  { tag: '' },
  { method: 'POST' },
  { status: 404 },
  { status: 500, length: false },
  { status: 204 },
  { status: 206 },
  { status: 304 },
  { early: true },
  { control: 'private, No-Transform' },
  { coded: true },
  { coded: true, length: false },
  { noise: true },
  { range: true }
]

const storedShapes: readonly Partial<Case>[] = [
  {},
  { length: false },
  { type: 'image/png' },
  { tag: 'W/"w"' },
  { status: 404 },
  { control: 'max-age=60, no-transform' },
  { coded: true },
  { noise: true },
  { range: true }
]

function casesOf(shapes: readonly Partial<Case>[], more: Partial<Case>): Case[] {
  const cases: Case[] = []
  for (const [at, shape] of shapes.entries()) {
    for (const [which, size] of sizes.entries()) {
      for (const [who, accept] of accepts.entries()) {
        // All who ask for the plain shape; of the others a part, another for each shape and size.
        if (at > 1 && (who + at + which) % 5 !== 0) continue
        // The largest differ from 40 kB by the way they take, not by who asks.
        if (size === 1_000_000 && who % 6 !== 2) continue
        cases.push({ ...plain, ...more, ...shape, size, accept })
      }
    }
  }
  return cases
}

t.test('what a backend sends reaches each client in a form that it takes', async (t) => {
  await judge(t, await twoWays(t), casesOf(shapes, {}))
})

t.test(
  'what the cache holds reaches each client in a form that it takes, the first time and later',
  async (t) => {
    const ways = await twoWays(t)
    const cases = casesOf(storedShapes, { stored: true, control: 'max-age=60' })
    await judge(t, ways, cases)
    await judge(t, ways, cases)
  }
)
