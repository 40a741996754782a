import { foreignKeyCure } from '../../../config/schema/leaf/network-leaves.ts'
import { text } from '../../../config/schema/leaf/leaves.ts'
import { parseLimitKey } from './limit-key.ts'

/** `client-ip`, `all`, `path`, `route`, `identity`, `header:N`, `cookie:N` or `query:N`. */
export function limitKey() {
  const expected = 'client-ip, header:NAME, cookie:NAME, query:NAME, path, route, identity or all'
  return text(expected, {
    max: 140,
    json: { title: 'limit key', examples: ['client-ip', 'header:x-api-key', 'all'] },
    reject: (value) =>
      parseLimitKey(value) === undefined
        ? `"${value}" is no key; ${foreignKeyCure(value) ?? `write ${expected}`}`
        : undefined
  }).transform((value) => parseLimitKey(value)!)
}
