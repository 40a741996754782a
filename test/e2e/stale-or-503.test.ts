import { request, type ServerResponse } from 'node:http'
import t from 'tap'
import { metric, settles } from './hooks.ts'
import { httpOrigin, startLb } from './servers.ts'

/** Ways of answering 503. */
const broken: Record<'empty' | 'whole' | 'chunked' | 'closing', (response: ServerResponse) => void> = {
  empty: (response) => response.writeHead(503, { 'content-length': 0 }).end(),
  whole: (response) => response.writeHead(503, { 'content-length': 5 }).end('sorry'),
  chunked(response) {
    response.writeHead(503)
    response.write('sor')
    setImmediate(() => response.end('ry'))
  },
  closing: (response) => response.writeHead(503, { connection: 'close' }).end('sorry')
}

function ask(port: number, method: string, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, agent: false }, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (part: string) => (body += part))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

for (const retry of [false, true]) {
  t.test(
    `a 503 of any shape over something stale, ${retry ? 'with' : 'without'} retry.on: [503]`,
    async (t) => {
      let failing: ((response: ServerResponse) => void) | undefined
      const origins = await Promise.all(
        ['a', 'b'].map((name) =>
          httpOrigin(t, name, (incoming, response) => {
            if (failing !== undefined) return failing(response)
            const stale = incoming.url!.startsWith('/stale') ? ', stale-if-error=600' : ''
            response.setHeader('cache-control', `max-age=0${stale}`)
            response.end('good')
          })
        )
      )
      const lb = await startLb(t, {
        workers: 0,
        listeners: [
          {
            name: 'web',
            bind: '127.0.0.1:0',
            mode: 'l7',
            routes: [
              {
                match: {},
                pool: 'web',
                cache: { store: 'main' },
                ...(retry && { retry: { on: ['connect-failure', 503], attempts: 2 } })
              }
            ]
          }
        ],
        pools: {
          web: { backends: origins.map(({ address }) => address), breaker: false }
        },
        caches: { main: { maxBytes: '8mb' } }
      })
      const port = lb.port('web')
      for (const [shape, answer] of Object.entries(broken)) {
        for (const first of ['GET', 'HEAD'])
          for (const second of ['GET', 'HEAD'])
            for (const kind of ['stale', 'bare']) {
              const what = `${shape} ${first} ${second} ${kind}`
              const path = `/${kind}/${shape}/${first}/${second}`
              failing = undefined
              t.equal((await ask(port, 'GET', path)).status, 200)
              failing = answer
              for (const method of [first, second]) {
                const got = await ask(port, method, path)
                t.equal(got.status, kind === 'stale' ? 200 : 503, what)
                if (method === 'HEAD') t.equal(got.body, '', what)
                else if (kind === 'stale') t.equal(got.body, 'good', what)
              }
            }
      }
      t.equal(metric(lb, 'lb_internal_errors_total'), 0)
      for (const origin of origins) for (const socket of origin.sockets) socket.destroy()
      await settles(t, lb, 'all of it')
    }
  )
}
