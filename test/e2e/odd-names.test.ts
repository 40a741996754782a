import { request } from 'node:http'
import t from 'tap'
import { httpOrigin, startLb } from './servers.ts'

/** What every plain object answers to without having it. */
const names = ['constructor', 'toString', 'valueOf', 'hasOwnProperty']

function pageOf(port: number, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-language': name }
    const asked = request({ host: '127.0.0.1', port, path: `/${name}`, headers, agent: false }, (answer) => {
      let body = ''
      answer.setEncoding('latin1').on('data', (part: string) => (body += part))
      answer.on('end', () => resolve(body))
    })
    asked.on('error', reject).end()
  })
}

for (const workers of [0, 1]) {
  t.test(`pools, listeners, routes and caches may have any name, with ${workers} workers`, async (t) => {
    const origin = await httpOrigin(t, 'site', (asked, response) => {
      response.setHeader('cache-control', 'max-age=60')
      response.setHeader('vary', 'accept-language')
      response.end(asked.url)
    })
    const map = <T>(value: T) => Object.fromEntries(names.map((name) => [name, value]))
    const file = {
      workers,
      listeners: names.map((name) => ({
        name,
        bind: '127.0.0.1:0',
        mode: 'l7',
        routes: [{ name, match: {}, pool: name, cache: { store: name } }]
      })),
      pools: map({ backends: [origin.address] }),
      caches: map({ maxBytes: '8mb' })
    }
    const lb = await startLb(t, file)
    const serves = async () => {
      for (const name of names) {
        t.equal(await pageOf(lb.port(name), name), `/${name}`)
      }
    }
    await serves()
    await lb.apply({ ...file, pools: map({ backends: [origin.address], algorithm: 'random' }) })
    await serves()
  })
}
