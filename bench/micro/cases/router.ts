import type { RouteMatch } from '../../../src/config/model/model.ts'
import type { MatchInput } from '../../../src/l7/router/match-input.ts'
import { Router } from '../../../src/l7/router/router.ts'
import { normalisePath } from '../../../src/l7/uri/normalise-path.ts'
import { DEFAULT_PATH_POLICY } from '../../../src/l7/uri/path-policy.ts'
import { check, sink, type MicroCase } from '../micro-case.ts'

const any: RouteMatch = { host: [], methods: [], headers: {}, query: {}, clientIp: [] }

/** The last of `size` prefixes; bench/micro/router.ts has mixed tables. */
function prefixes(size: number): MicroCase {
  return {
    group: 'router',
    name: `match the last of ${size.toLocaleString('en-US')} routes`,
    prepare: () => {
      const routes = Array.from({ length: size }, (_, value) => ({
        match: { ...any, pathPrefix: `/r${value}/` },
        value
      }))
      const router = new Router(routes)
      const input: MatchInput = {
        host: 'example.com',
        path: `/r${size - 1}/page`,
        query: undefined,
        method: 'GET',
        headers: { getJoined: () => undefined },
        clientIp: '192.0.2.1',
        bodyLength: 0
      }
      check(router.match(input) === size - 1, 'route')
      return (count) => {
        for (let i = 0; i < count; i++) sink.value = router.match(input)
      }
    }
  }
}

export const cases: readonly MicroCase[] = [
  prefixes(10),
  prefixes(1000),
  prefixes(5000),
  {
    group: 'router',
    name: 'normalise a path that needs nothing',
    prepare: () => {
      const path = '/shop/items/4711'
      const result = normalisePath(path, DEFAULT_PATH_POLICY)
      check(JSON.stringify(result).includes(path), 'path')
      return (count) => {
        for (let i = 0; i < count; i++) sink.value = normalisePath(path, DEFAULT_PATH_POLICY)
      }
    }
  }
]
