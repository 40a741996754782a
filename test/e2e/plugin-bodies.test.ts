import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../src/config/load-config.ts'
import { httpOrigin, startLb } from './servers.ts'

const plugin = `import { definePlugin } from 'fourseven/plugin'

export default definePlugin({
  name: 'names',
  before: 'csrf',
  body(exchange, head, output) {
    const name = exchange.request.headers.get('x-name')
    if (name === undefined) return undefined
    return {
      write: (buffer, start, end) => output.write(Buffer.from(buffer.latin1Slice(start, end).replaceAll('a', name))),
      end: (trailers) => output.end(trailers)
    }
  }
})
`
const TEXT = 'a'.repeat(2_000)

t.test(
  'a plugin changes bodies before they are compressed: stored ones, answers of ours, and of faults',
  async (t) => {
    const web = await httpOrigin(t, 'web', (_, response) => {
      response.setHeader('Content-Type', 'text/plain')
      response.setHeader('Cache-Control', 'max-age=60')
      response.end(TEXT)
    })
    const dir = t.testdir({ 'names.ts': plugin, 'page.html': `<p>${'x'.repeat(200_000)}</p>` })
    const file = join(dir, 'lb.yaml')
    const compress = { minBytes: '1b', dictionary: true }
    const respond = { body: TEXT, headers: { 'Content-Type': 'text/plain' } }
    const faulty = `import { definePlugin } from 'fourseven/plugin'
export default definePlugin({ name: 'faulty', before: 'csrf', request({ path }) { if (path === '/fault') throw new Error('boom') } })`
    writeFileSync(join(dir, 'faulty.ts'), faulty)
    writeFileSync(file, JSON.stringify({
    workers: 0,
    plugins: ['./names.ts', './faulty.ts'],
    listeners: [{ name: 'site', bind: '127.0.0.1:0', mode: 'l7', routes: [
      { match: { pathPrefix: '/fixed' }, compress, respond },
      { match: { pathPrefix: '/fault' }, compress, pool: 'web', errorPages: { '5xx': { file: join(dir, 'page.html') } } },
      { match: {}, pool: 'web', compress, cache: { store: 'main' } }
    ] }],
    pools: { web: { backends: [web.address] } },
    caches: { main: { maxBytes: '16mb', maxObjectBytes: '1mb' } }
  })) // prettier-ignore
    const loaded = await loadConfig(file, {})
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
    const lb = await startLb(t, loaded.config, { configPath: file })
    const get = (path: string, name?: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${lb.port('site')}${path}`, {
        headers: { 'accept-encoding': 'gzip', ...(name !== undefined && { 'x-name': name }) }
      })
    for (const path of ['/stored', '/fixed']) {
      for (const name of [undefined, 'b', undefined, 'c', 'b', undefined]) {
        const answer = await get(path, name)
        t.equal(answer.headers.get('content-encoding'), 'gzip')
        t.equal(await answer.text(), (name ?? 'a').repeat(2_000), `${path} for ${name ?? 'nobody'}`)
      }
    }
    t.equal(web.requests, 1)
    // No stage is asked for a transform of it.
    const fault = await get('/fault', 'b')
    t.equal(fault.status, 500)
    t.match(await fault.text(), /^<p>x+<\/p>|LB_INTERNAL/)
  }
)
