import type { Agent } from 'node:http'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { Choices, given } from '../fakes/choices.ts'
import type { ExplanationView } from '../../src/admin/api/explanation.ts'
import { keepAlive, type Answer } from './clients.ts'
import { httpOrigin, startLb } from './servers.ts'

type Fields = Readonly<Record<string, string>>

interface Asked {
  readonly method: string
  readonly path: string
  readonly fields: Fields
  /** What the backend answers it with. */
  readonly status: number
  readonly answer: Fields
}

/** A failure names its seed. */
class Generator extends Choices {
  cache(): object {
    return given({
      store: 'main',
      defaultTtl: this.maybe('60s'),
      negativeTtl: this.maybe({ 404: '60s' }),
      setCookie: this.maybe(this.one(['explicit', 'shared', 'never'])),
      key: this.maybe({
        ignoreQuery: this.one([[], ['utm_*'], ['x']]),
        sortQuery: this.one([true, false]),
        headers: this.one([[], ['X-Kind']]),
        cookies: this.one([[], ['lang']])
      })
    })
  }

  /** Few values of each part, so that keys meet again. */
  asked(): Asked {
    const query = this.one(['', '', '?x=1', '?x=1&utm_a=2', '?utm_a=3', '?b=1&a=2', '?a=2&b=1'])
    const control = this.one([
      'max-age=60',
      'public, max-age=60',
      'no-cache',
      'private',
      'no-store',
      's-maxage=60',
      ''
    ])
    return {
      method: this.one(['GET', 'GET', 'GET', 'GET', 'HEAD', 'POST']),
      path: `/${this.one(['a', 'b', '%61', 'sub/../a'])}${query}`,
      fields: given<Fields>({
        'x-kind': this.maybe(this.one(['p', 'q'])),
        'accept-language': this.maybe(this.one(['de', 'en', 'constructor']), 0.3),
        cookie: this.maybe(this.one(['lang=de', 'lang=en; s=1', 'lang=a; lang=b']), 0.3),
        'cache-control': this.maybe(this.one(['no-cache', 'no-store', 'max-age=0', 'only-if-cached']), 0.15),
        authorization: this.maybe('Bearer x', 0.1),
        'if-match': this.maybe('"e"', 0.05),
        range: this.maybe('bytes=0-3', 0.1)
      }),
      status: this.one([200, 200, 200, 200, 404, 500]),
      answer: given<Fields>({
        'cache-control': control === '' ? undefined : control,
        vary: this.maybe(this.one(['Accept-Language', 'x-kind, accept-language', '*']), 0.3),
        etag: this.maybe('"e"'),
        'set-cookie': this.maybe('s=2', 0.15)
      })
    }
  }
}

function send(port: number, agent: Agent, { method, path, fields }: Asked, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: fields, agent },
      (response) => {
        let body = ''
        response.setEncoding('latin1').on('data', (part: string) => (body += part))
        response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }))
        response.on('error', reject)
      }
    )
    request.on('error', reject)
    request.end(body)
  })
}

const ROUNDS = 6
const REQUESTS = 60

t.test('explain says whether the cache answers, and whether what a backend answers is stored', async (t) => {
  const start = Number(process.env['SEED'] ?? 1)
  const agent = keepAlive(t, 1)
  let next: Asked
  let answers = 0
  const origin = await httpOrigin(t, 'origin', (_, response) => {
    answers++
    response.writeHead(next.status, { ...next.answer, 'content-length': 5 }).end('whole')
  })
  for (let seed = start; seed < start + ROUNDS; seed++) {
    const generator = new Generator(seed * 7919)
    const cache = generator.cache()
    const running = await startLb(t, {
      workers: 0,
      admin: { bind: '127.0.0.1:0' },
      listeners: [
        { name: 'web', bind: '127.0.0.1:0', mode: 'l7', routes: [{ match: {}, pool: 'web', cache }] }
      ],
      pools: { web: { backends: [origin.address], retry: false } },
      caches: { main: { maxBytes: '8mb' } }
    })
    const port = running.port('web')
    const admin = Number(/:(\d+)/.exec(running.running.adminAddresses[0]!)![1])
    const explained = async (asked: Asked): Promise<NonNullable<ExplanationView['cache']>> => {
      const lines = (fields: Fields) => Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
      const question = {
        method: asked.method,
        url: `http://127.0.0.1:${port}${asked.path}`,
        headers: lines(asked.fields),
        response: { status: asked.status, headers: lines(asked.answer) }
      }
      const fields = { 'content-type': 'application/json' }
      const ask = { method: 'POST', path: '/api/explain', fields, status: 0, answer: {} }
      const answer = await send(admin, agent, ask, JSON.stringify(question))
      return (JSON.parse(answer.body) as ExplanationView).cache!
    }
    for (let n = 0; n < REQUESTS; n++) {
      next = generator.asked()
      const name = `seed ${seed}, request ${n}: ${JSON.stringify(next)} ${JSON.stringify(cache)}`
      const before = await explained(next)
      answers = 0
      const answer = await send(port, agent, next)
      const status = String(answer.headers['cache-status'])
      const told = ['hit', 'stale'].includes(before.outcome) ? 'cache' : 'backend'
      const onlyStored = next.fields['cache-control'] === 'only-if-cached'
      const happened = / ?hit\b/.test(status) ? 'cache' : answers > 0 ? 'backend' : `nobody, ${answer.status}`
      const expected =
        told === 'backend' && onlyStored && happened.startsWith('nobody') ? 'nobody, 504' : told
      // Asked, and in vain: what is stored goes out in place of the error.
      if (status.includes('stale-if-error') && before.outcome === 'revalidate' && next.status === 500)
        continue
      // A backend's 304 renews what is stored, and is a hit of it; the backend here never says 304.
      if (happened !== expected || (happened === 'cache' && answers > 0)) {
        t.same({ happened, answers, status, before }, { happened: expected }, name)
        return
      }
      if (happened !== 'backend' || next.fields['range'] !== undefined) continue
      const { stored, ttlSeconds = 0 } = before.storing!
      if (stored === 'depends') t.fail(`depends: ${name}`)
      // The same again, asked plainly.
      const again = {
        ...next,
        fields: given<Fields>({ ...next.fields, 'cache-control': undefined, 'if-match': undefined })
      }
      const { outcome, why } = await explained({ ...again, method: 'GET' })
      const served = outcome === 'hit'
      // What was stored before stays, if the answer to a reload is not for everybody.
      const judged = next.method === 'GET' && before.key !== undefined && before.status === undefined
      if (stored === 'yes' && ttlSeconds > 0 ? !served : served && judged) {
        t.fail(`afterwards: ${name} ${JSON.stringify({ outcome, why, before })}`)
        return
      }
    }
    await running.running.kill()
  }
  t.pass(`${ROUNDS * REQUESTS} requests`)
})
