import type { RouteMatch } from '../../../src/config/model/model.ts'
import type { MatchInput } from '../../../src/l7/router/match-input.ts'

export function routeMatch(match: Partial<RouteMatch> = {}): RouteMatch {
  return { host: [], methods: [], headers: {}, query: {}, clientIp: [], ...match }
}

export interface RequestFacts {
  readonly host?: string
  readonly path?: string
  readonly query?: string
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly clientIp?: string
  readonly bodyLength?: number
}

export function matchInput(facts: RequestFacts = {}): MatchInput {
  const headers = facts.headers ?? {}
  return {
    host: facts.host ?? 'example.com',
    path: facts.path ?? '/',
    query: facts.query,
    method: facts.method ?? 'GET',
    headers: { getJoined: (name) => headers[name] },
    clientIp: facts.clientIp ?? '192.0.2.1',
    bodyLength: facts.bodyLength ?? 0
  }
}
