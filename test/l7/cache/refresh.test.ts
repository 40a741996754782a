import { request } from 'node:http'
import t from 'tap'
import { httpOrigin, until } from '../../e2e/servers.ts'
import { cachingLb } from './support/caching-lb.ts'

function ask(port: number, method: string, path: string): Promise<{ body: string; length: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ body, length: response.headers['content-length'] }))
    })
    call.on('error', reject).end()
  })
}

t.test('a HEAD that finds something stale has it renewed by a GET, body and all', async (t) => {
  const seen: string[] = []
  const paths = ['/length', '/chunked']
  const origin = await httpOrigin(t, 'site', (asked, response) => {
    seen.push(asked.method!)
    response.setHeader('cache-control', 'max-age=600, stale-while-revalidate=600')
    if (seen.length <= paths.length) response.setHeader('age', 601)
    if (asked.url === '/length') response.setHeader('content-length', 5)
    response.end('hello')
  })
  const port = await cachingLb(t, origin.address)
  for (const path of paths) await ask(port, 'GET', path)
  for (const path of paths) t.match(await ask(port, 'HEAD', path), { body: '', length: '5' })
  await until(() => seen.length === 4, 'both renewed')
  for (const path of paths) t.match(await ask(port, 'GET', path), { body: 'hello', length: '5' })
  t.strictSame(seen, ['GET', 'GET', 'GET', 'GET'])
})
