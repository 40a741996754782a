// What a route match costs with 10 to 5,000 routes: nanoseconds and bytes allocated per match, after checking that the
// matches are right. The claim under test: thousands of routes cost no more than tens.
//   node --expose-gc bench/micro/router.ts
import type { RouteMatch } from '../../src/config/model/model.ts'
import type { MatchInput } from '../../src/l7/router/match-input.ts'
import { Router } from '../../src/l7/router/router.ts'

const ROUNDS = 5
const MATCHES = 400_000

const any: RouteMatch = { host: [], methods: [], headers: {}, query: {}, clientIp: [] }
const headers = { getJoined: () => undefined }

/** A mixed table as gateways have: hosts, wildcards, prefixes, exact paths, expressions; the last takes the rest. */
function table(size: number): RouteMatch[] {
  const routes: RouteMatch[] = []
  for (let i = 0; routes.length < size - 1; i++) {
    const kind = i % 5
    if (kind === 0) routes.push({ ...any, host: [`h${i}.example.com`] })
    else if (kind === 1) routes.push({ ...any, pathPrefix: `/service-${i}/` })
    else if (kind === 2) routes.push({ ...any, path: `/api/v1/thing-${i}` })
    else if (kind === 3) routes.push({ ...any, host: [`*.t${i}.example.com`], pathPrefix: '/app' })
    else routes.push({ ...any, pathRegex: `^/brew-${i}/[0-9]+$` })
  }
  routes.push(any)
  return routes
}

/** Requests for routes all over the table, with the route expected. */
function requests(routes: readonly RouteMatch[]): { input: MatchInput; expected: number }[] {
  const list: { input: MatchInput; expected: number }[] = []
  const step = Math.max(1, Math.floor(routes.length / 64))
  for (let i = 0; i < routes.length; i += step) {
    const match = routes[i]!
    const host = match.host[0]?.replace('*', 'www') ?? 'www.example.com'
    const path =
      match.path ??
      (match.pathPrefix !== undefined ? match.pathPrefix + (match.host.length > 0 ? '/x/y' : 'x/y') : '/')
    const brew = match.pathRegex?.slice(1).replace('[0-9]+$', '42')
    const input = {
      host,
      path: brew ?? path,
      query: undefined,
      method: 'GET',
      headers,
      clientIp: '192.0.2.1',
      bodyLength: 0
    }
    list.push({ input, expected: i })
  }
  return list
}

interface Figures {
  readonly routes: number
  readonly ns: number
  readonly bytes: number
}

function measure(size: number): Figures {
  const routes = table(size)
  const router = new Router(routes.map((match, value) => ({ match, value })))
  const list = requests(routes)
  for (const { input, expected } of list) {
    const found = router.match(input)
    if (found !== expected)
      throw new Error(`${size} routes: ${input.host}${input.path} gave ${found}, not ${expected}`)
  }
  let ns = Infinity
  let bytes = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    globalThis.gc?.()
    const heap = process.memoryUsage().heapUsed
    const start = process.hrtime.bigint()
    for (let i = 0, at = 0; i < MATCHES; i++) {
      router.match(list[at]!.input)
      if (++at === list.length) at = 0
    }
    ns = Math.min(ns, Number(process.hrtime.bigint() - start) / MATCHES)
    bytes = Math.min(bytes, Math.max(0, process.memoryUsage().heapUsed - heap) / MATCHES)
  }
  return { routes: routes.length, ns, bytes }
}

const sizes = [10, 100, 1000, 5000]
measure(10)
const figures = sizes.map(measure)
const base = figures[0]!.ns
console.log('routes    ns/match  × of 10 routes  bytes/match')
for (const { routes, ns, bytes } of figures) {
  console.log(
    `${String(routes).padEnd(8)}  ${ns.toFixed(0).padStart(8)}  ${(ns / base).toFixed(2).padStart(14)}  ${bytes.toFixed(1).padStart(11)}`
  )
}
