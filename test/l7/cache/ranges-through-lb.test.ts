import { request } from 'node:http'
import t from 'tap'
import { httpOrigin } from '../../e2e/servers.ts'
import { cachingLb } from './support/caching-lb.ts'

const multipart =
  '--B\r\nContent-Range: bytes 0-1/10\r\n\r\nab\r\n--B\r\nContent-Range: bytes 4-5/10\r\n\r\nef\r\n--B--\r\n'

function ask(port: number, path: string, range?: string) {
  return new Promise<{ status: number; body: string; type: string; cache: string }>((resolve, reject) => {
    const headers = range === undefined ? {} : { range }
    const call = request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      const { 'content-type': type = '', 'cache-status': cache = '' } = response.headers
      response.on('end', () => resolve({ status: response.statusCode!, body, type, cache: String(cache) }))
    })
    call.on('error', reject).end()
  })
}

t.test('several ranges pass through as the origin sends them, and are not stored as a part', async (t) => {
  const origin = await httpOrigin(t, 'site', (asked, response) => {
    response.setHeader('cache-control', 'max-age=60')
    response.setHeader('etag', '"1"')
    const { range } = asked.headers
    if (range === undefined) {
      response.end('abcdefghij')
      return
    }
    response.statusCode = 206
    response.setHeader('content-type', 'multipart/byteranges; boundary=B')
    // Not allowed there (RFC 9110 §15.3.7.2), and believed it would make the parts a piece of the whole.
    if (asked.url === '/lying') {
      response.setHeader('content-range', `bytes 0-${multipart.length - 1}/200`)
    }
    response.end(multipart)
  })
  const port = await cachingLb(t, origin.address)
  for (const path of ['/plain', '/lying']) {
    t.match(await ask(port, path, 'bytes=0-1,4-5'), {
      status: 206,
      body: multipart,
      type: 'multipart/byteranges; boundary=B',
      cache: /fwd=uri-miss.*detail=range/
    })
    t.match(await ask(port, path, 'bytes=0-1'), { cache: /fwd=uri-miss/ }, 'nothing is stored of it')
    t.match(await ask(port, path), { status: 200, body: 'abcdefghij', cache: /fwd=uri-miss.*stored/ })
    // RFC 9110 §14.2: a server may ignore Range, and the whole is at hand.
    t.match(await ask(port, path, 'bytes=0-1,4-5'), { status: 200, body: 'abcdefghij', cache: /lb; hit/ })
    t.match(await ask(port, path, 'bytes=4-5'), { status: 206, body: 'ef', cache: /lb; hit/ })
  }
})

t.test('who asks for the whole gets it from an origin that changed and does not know If-Range', async (t) => {
  let version = 1
  const bodies = ['', 'abcdefghij', 'ABCDEFGHIJ', 'short']
  const seen: (string | undefined)[] = []
  const origin = await httpOrigin(t, 'site', (asked, response) => {
    const body = bodies[version]!
    const { range } = asked.headers
    seen.push(range)
    response.setHeader('cache-control', 'max-age=60')
    response.setHeader('etag', `"${version}"`)
    if (range === undefined) {
      response.end(body)
      return
    }
    const [first, last] = /bytes=(\d+)-(\d*)/
      .exec(range)!
      .slice(1)
      .map((text) => (text === '' ? undefined : Number(text)))
    const end = Math.min(last ?? Infinity, body.length - 1)
    const satisfied = first! < body.length
    response.statusCode = satisfied ? 206 : 416
    response.setHeader('content-range', `bytes ${satisfied ? `${first}-${end}` : '*'}/${body.length}`)
    response.end(satisfied ? body.slice(first, end + 1) : '')
  })
  const port = await cachingLb(t, origin.address)
  for (const changed of [1, 2, 3]) {
    version = 1
    const path = `/${changed}`
    t.match(await ask(port, path, 'bytes=0-5'), { status: 206, body: 'abcdef', cache: /stored/ })
    version = changed
    t.match(await ask(port, path), { status: 200, body: bodies[changed] })
    t.match(await ask(port, path), { status: 200, body: bodies[changed], cache: /hit/ })
  }
  t.strictSame(seen, [
    'bytes=0-5',
    'bytes=6-',
    'bytes=0-5',
    'bytes=6-',
    undefined,
    'bytes=0-5',
    'bytes=6-',
    undefined
  ])
})

t.test('a range beyond the end concerns its request only, whatever lifetime the answer has', async (t) => {
  const origin = await httpOrigin(t, 'site', ({ headers, url }, response) => {
    response.setHeader('cache-control', 'max-age=60')
    response.setHeader('etag', '"1"')
    // 412 and 417 may be caused by what a proxy before this one asks for.
    const own = { '/range': 416, '/condition': 412, '/expect': 417 }[url!]!
    response.statusCode = headers.range === undefined ? 200 : own
    response.end(headers.range === undefined ? 'whole' : '')
  })
  const port = await cachingLb(t, origin.address)
  for (const [path, status] of [
    ['/range', 416],
    ['/condition', 412],
    ['/expect', 417]
  ] as const) {
    // prettier-ignore
    t.match(await ask(port, path, 'bytes=99-'), { status, cache: /detail=status/ })
    t.match(await ask(port, path), { status: 200, body: 'whole', cache: /stored/ })
    t.match(await ask(port, path), { status: 200, body: 'whole', cache: /hit/ })
  }
})
