import { mapping } from './leaf/leaf.ts'
import { duration, text } from './leaf/leaves.ts'
import { loneText } from './leaf/lone.ts'
import { parseRedisUrl } from '../redis-url.ts'

const example = 'redis://10.0.0.5:6379'

export const redisSchema = mapping(
  {
    url: text(`a URL such as ${example}`, {
      min: 0,
      max: 2048,
      json: { title: 'URL of a Redis', examples: [example] },
      reject: (value) =>
        value === '' || parseRedisUrl(value) !== undefined
          ? undefined
          : `this is no URL of a Redis; write redis://, rediss:// or unix:/path, such as ${example}/0`
    }).describe(
      '`redis://user:password@host:port/db`, `rediss://` over TLS, or `unix:/path`. Empty: none. May be `file:/path` of a secret.'
    ),
    timeout: duration({ min: 1, max: 5000, example: '50ms' })
      .prefault('50ms')
      .describe('Longest that a request waits for it.'),
    prefix: text('a text such as "lb:"', { min: 0, max: 64 })
      .prefault('lb:')
      .describe('Before all names of keys; instances with the same one count together.')
  },
  { lone: loneText('url') }
)
