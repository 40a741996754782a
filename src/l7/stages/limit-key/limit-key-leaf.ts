import { textOf } from '../../../config/environment/env-text.ts'
import { leaf, Refusal } from '../../../config/schema/leaf.ts'
import { type LimitKey, parseLimitKey } from './limit-key.ts'

/** `client-ip`, `all`, `path`, `route`, `identity`, `header:N`, `cookie:N` or `query:N`. */
export function limitKey() {
  const expected = 'client-ip, header:NAME, cookie:NAME, query:NAME, path, route, identity or all'
  const json = { title: 'limit key', type: 'string', examples: ['client-ip', 'header:x-api-key', 'all'] }
  return leaf<LimitKey>(expected, json, (input) => {
    const written = textOf(input)
    return (written === undefined ? undefined : parseLimitKey(written)) ?? new Refusal({})
  })
}
