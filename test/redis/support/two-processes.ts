import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { spawnLb, type LbProcess } from '../../e2e/process.ts'
import { freePort } from '../../free-port.ts'
import { Browser } from '../../l7/stages/auth/browser.ts'
import { oidcIssuer, oidcKeys } from '../../l7/stages/auth/oidc-world.ts'
import { originOf } from './caching.ts'
import { until } from './redis-server.ts'
import { Traffic, type Asked } from './traffic.ts'

const bin = resolve(import.meta.dirname, '../../../bin/lb.js')

interface Process extends LbProcess {
  readonly web: number
  readonly admin: number
}

/** Two whole `lb`, the second with two workers, that use one Redis for all that it is used for, and traffic over all of it. */
export class TwoProcesses {
  readonly #lbs: readonly Process[]
  readonly #traffic: Traffic

  private constructor(lbs: readonly Process[], traffic: Traffic) {
    this.#lbs = lbs
    this.#traffic = traffic
  }

  static async start(t: Test, redis: object): Promise<TwoProcesses> {
    const origin = await originOf(t, (request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=1' }).end(request.url)
    })
    const { issuer, open } = await oidcIssuer(t)
    const lbs: Process[] = []
    for (const workers of [1, 2]) {
      const [web, admin] = [await freePort(), await freePort()]
      const config = { ...configOf(issuer, origin.port), workers, redis }
      config.listeners[0]!.bind = `127.0.0.1:${web}`
      const lb = spawnLb(t, JSON.stringify({ ...config, admin: { bind: `127.0.0.1:${admin}` } }))
      await lb.says('lb runs')
      lbs.push({ ...lb, web, admin })
    }
    open(lbs.map(({ web }) => `http://127.0.0.1:${web}`))
    const first = lbs[0]!
    await until('all threads reach Redis', async () => (await Promise.all(lbs.map(reach))).every(isWhole))
    const browser = new Browser()
    await browser.login(`http://127.0.0.1:${first.web}/session`)
    const cookie = `lb_session=${browser.jar(`http://127.0.0.1:${first.web}`).get('lb_session')!}`
    const traffic = new Traffic(lbs.flatMap((lb) => askedOf(lb, first.web, cookie)))
    t.teardown(() => traffic.stop())
    return new TwoProcesses(lbs, traffic)
  }

  /** What clients have seen since it was last called. */
  seen() {
    return this.#traffic.take()
  }

  /** Every thread of both says so. */
  async become(state: 'reachable' | 'away'): Promise<void> {
    await until(`Redis is ${state} for all`, async () => {
      const all = await Promise.all(this.#lbs.map(reach))
      return state === 'reachable' ? all.every(isWhole) : all.every(({ up }) => up === 0)
    })
  }

  /** What each has logged of Redis so far. */
  logged(): string[][] {
    return this.#lbs.map(({ output }) =>
      output()
        .split('\n')
        .filter((line) => line.includes('"msg":"Redis '))
        .map((line) => {
          const { msg, reason } = JSON.parse(line) as { msg: string; reason?: string }
          return reason === undefined ? msg : `${msg.split(':')[0]!}: ${reason}`
        })
    )
  }

  /** As `lb status` and /metrics of the second tell it. */
  async told(): Promise<{ readonly status: string; readonly gauges: readonly string[] }> {
    const { admin } = this.#lbs[1]!
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [bin, 'status', '--admin', `http://127.0.0.1:${admin}`],
      {
        env: { ...process.env, NODE_OPTIONS: '' }
      }
    )
    const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text()
    return {
      status: stdout.split('\n').find((line) => line.startsWith('redis ')) ?? '',
      gauges: metrics.split('\n').filter((line) => line.startsWith('lb_redis_up'))
    }
  }
}

interface Reach {
  readonly up: number
  readonly threads: number
}

async function reach({ admin }: Process): Promise<Reach> {
  return ((await (await fetch(`http://127.0.0.1:${admin}/api/info`)).json()) as { redis: Reach }).redis
}

const isWhole = ({ up, threads }: Reach) => threads > 0 && up === threads

function configOf(issuer: string, origin: number) {
  const rate = { key: 'all', store: 'redis', requests: 1000, per: '1s' }
  const oidc = oidcKeys(issuer, { timeout: '20s', store: 'redis' })
  return {
    listeners: [
      {
        name: 'web',
        bind: '',
        mode: 'l7',
        accessLog: false,
        routes: [
          {
            match: { path: '/exact' },
            rateLimit: { ...rate, mode: 'exact' },
            respond: { status: 200, body: 'fine' }
          },
          {
            match: { path: '/lease' },
            rateLimit: { ...rate, mode: 'lease' },
            respond: { status: 200, body: 'fine' }
          },
          { match: { pathPrefix: '/cached' }, cache: { store: 'main' }, pool: 'origin' },
          { match: {}, auth: { methods: [{ oidc }], guesses: false }, respond: { status: 200, body: 'in' } }
        ]
      }
    ],
    pools: { origin: { backends: [`127.0.0.1:${origin}`] } },
    caches: { main: { store: 'redis', maxBytes: '16mb' } }
  }
}

function askedOf({ web }: Process, first: number, cookie: string): Asked[] {
  const base = `http://127.0.0.1:${web}`
  let turn = 0
  const host = `127.0.0.1:${first}`
  return [
    { name: 'exact', url: () => `${base}/exact`, statuses: [200, 429] },
    { name: 'lease', url: () => `${base}/lease`, statuses: [200, 429] },
    { name: 'cached', url: () => `${base}/cached/${turn++ % 100}`, statuses: [200] },
    // 401: Redis has lost the session.
    {
      name: 'session',
      url: () => `${base}/session`,
      headers: { cookie, host, accept: 'application/json' },
      statuses: [200, 401, 503]
    }
  ]
}
