import t from 'tap'
import { z } from 'zod'
import { keysOfStages } from '../../../src/l7/stages/keys-of-stages.ts'
import { startLb } from '../../e2e/servers.ts'
import { backend } from './serve.ts'

interface Guard {
  /** The key of the guard, and its value, which refuses the request below. */
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
  /** Other keys that it needs. */
  readonly beside?: object
  readonly status: number
  readonly code: string
  readonly headers?: Readonly<Record<string, string>>
  /** Requests that pass before. */
  readonly first?: number
  /** It would keep the request waiting until the test is over. */
  readonly waits?: boolean
  /** Requests under way meanwhile. */
  readonly held?: number
}

const method = { apiKeys: { header: 'x-key', keys: { a: ['an-api-key-of-sixteen'] } } }
const rate = { requests: 2, per: '1h' }

function guards(decider: string): readonly Guard[] {
  const auth = (more: Partial<Guard> & { value: Guard['value'] }): Guard => ({
    key: 'auth',
    status: 401,
    code: 'LB_UNAUTHENTICATED',
    ...more
  })
  return [
    { key: 'rateLimit', value: rate, status: 429, code: 'LB_RATE_LIMIT', first: 2 },
    {
      key: 'rateLimit',
      value: { ...rate, key: 'identity' },
      beside: { auth: { methods: [method] } },
      headers: { 'x-key': 'an-api-key-of-sixteen' },
      status: 429,
      code: 'LB_RATE_LIMIT',
      first: 2
    },
    { key: 'concurrency', value: { max: 1 }, status: 503, code: 'LB_CONCURRENCY', held: 1 },
    {
      key: 'concurrency',
      value: { max: 1, queue: { max: 10, timeout: '10m' } },
      status: 503,
      code: 'LB_CONCURRENCY',
      waits: true,
      held: 1
    },
    {
      key: 'concurrency',
      value: { max: 1, adaptive: { min: 1 }, priority: { default: 'low' } },
      status: 503,
      code: 'LB_CONCURRENCY',
      held: 1
    },
    { key: 'csrf', value: {}, headers: { 'sec-fetch-site': 'cross-site' }, status: 403, code: 'LB_CSRF' },
    {
      key: 'require',
      value: { identity: true },
      beside: { auth: { methods: [method], optional: true } },
      status: 403,
      code: 'LB_FORBIDDEN'
    },
    auth({ value: { methods: [method] } }),
    auth({ value: { methods: [method] }, headers: { 'x-key': 'wrong' } }),
    auth({
      value: { methods: [method], guesses: { requests: 1, per: '1h' } },
      headers: { 'x-key': 'wrong' },
      status: 429,
      code: 'LB_AUTH_GUESSES',
      first: 1
    }),
    auth({ value: { methods: [{ forward: { url: `${decider}/403` } }] }, status: 403 }),
    auth({ value: { methods: [{ forward: { url: `${decider}/302` } }] }, status: 302 })
  ]
}

t.test('a guard in shadow mode decides, counts and logs, and refuses nothing', async (t) => {
  const decider = await backend(t, (request, response) => {
    response.writeHead(Number(request.url!.slice(1)), { location: 'https://login.example/' }).end()
  })
  const url = `http://127.0.0.1:${decider}`
  const all = guards(url)
  t.strictSame(
    [...new Set(all.map(({ key }) => key))].sort(),
    keysWithShadow(),
    'every guard that has the key is here'
  )
  let held: (() => void)[] = []
  const port = await backend(t, (request, response) => {
    if (request.url === '/held') held.push(() => response.end('held'))
    else response.end('fine')
  })
  for (const guard of all) {
    for (const shadow of guard.waits === true ? [true] : [false, true]) {
      const { key, value, beside, first = 0, headers = {}, status, code } = guard
      const {
        running,
        lines,
        port: portOf
      } = await startLb(t, {
        workers: 0,
        listeners: [
          {
            name: 'web',
            bind: '127.0.0.1:0',
            mode: 'l7',
            pool: 'web',
            ...beside,
            [key]: { ...value, shadow },
            accessLog: true
          }
        ],
        pools: { web: { backends: [`127.0.0.1:${port}`] } }
      })
      const name = `${key} ${JSON.stringify(value)}, shadow ${shadow}`
      const base = `http://127.0.0.1:${portOf('web')}`
      held = []
      const before = Array.from({ length: guard.held ?? 0 }, () => fetch(`${base}/held`))
      while (held.length < before.length) await new Promise((resolve) => setTimeout(resolve, 5))
      const ask = (): Promise<Response> => fetch(base, { method: 'POST', headers, redirect: 'manual' })
      for (let i = 0; i < first; i++) await (await ask()).text()
      const response = await ask()
      await response.text()
      t.equal(response.status, shadow ? 200 : status, name)
      const fields = ['ratelimit', 'ratelimit-policy', 'retry-after', 'www-authenticate', 'location']
      if (shadow)
        t.notOk(
          fields.some((field) => response.headers.has(field)),
          `${name}: no word of it to clients`
        )
      for (const release of held) release()
      for (const answer of await Promise.all(before)) t.equal(answer.status, 200, `${name}: the one before`)
      const counted = new RegExp(
        `lb_stage_refusals_total\\{[^}]*stage="[^"]*",shadow="${shadow}"[^}]*\\} [1-9]`
      )
      const counts = status === 302 || (status === 403 && key === 'auth') ? shadow : true
      t.equal(counted.test(running.metrics()), counts, `${name}: counted`)
      const told = lines.filter(({ message }) => message.startsWith('would have refused'))
      t.equal(told.length > 0, shadow, `${name}: logged`)
      if (shadow) t.match(told.at(-1)!.fields, { code, listener: 'web' }, `${name}: with its code`)
      await running.kill()
    }
  }
})

/** By what the schemas take: a guard that is added is missed here. */
function keysWithShadow(): string[] {
  const keys = keysOfStages
    .filter(({ schema }) =>
      JSON.stringify(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })).includes('"shadow"')
    )
    .map(({ key }) => key)
  return [...new Set(keys)].sort()
}
