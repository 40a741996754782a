import { connect } from 'node:net'
import t from 'tap'
import { get } from '../../e2e/clients.ts'
import { httpOrigin, until } from '../../e2e/servers.ts'
import { cachingLb } from './support/caching-lb.ts'

t.test('a client that does not read does not block later requests for the same response', async (t) => {
  // More than the sockets between take on their own.
  const body = Buffer.alloc(14 << 20, 97)
  const origin = await httpOrigin(t, 'site', (asked, response) => {
    response.setHeader('cache-control', 'max-age=60')
    if (asked.url === '/length') response.setHeader('content-length', body.length)
    response.end(body)
  })
  const port = await cachingLb(t, origin.address, { maxBytes: '128mb', maxObjectBytes: '16mb' })
  for (const path of ['/length', '/chunked']) {
    const before = origin.requests
    const slow = connect(port, '127.0.0.1').pause()
    t.teardown(() => slow.destroy())
    slow.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
    await until(() => origin.requests > before, 'asked')
    await new Promise((resolve) => setTimeout(resolve, 200))
    const followers = await Promise.all([get(port, path), get(port, path)])
    for (const { body: got, headers } of followers) {
      t.equal(got.length, body.length)
      t.match(headers['cache-status'], /hit/)
    }
    t.equal(origin.requests, before + 1)
  }
})
