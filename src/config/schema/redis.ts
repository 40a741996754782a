import { mapping } from './leaf/leaf.ts'
import { duration, text } from './leaf/leaves.ts'
import { backendTls } from './listener/tls.ts'
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
          : `this is not a URL of a Redis; write ${example}/0, rediss://…, unix:/path, redis+sentinel://host:26379,host/master or redis+cluster://host,host`
    }).describe(
      '`redis://user:password@host:port/db`, `rediss://` over TLS, `unix:/path`, `redis+sentinel://user:password@host:port,host:port/master/db` or `redis+cluster://host:port,host:port`. Empty: none. May be `file:/path` of a secret.'
    ),
    timeout: duration({ min: 1, max: 5000, example: '50ms' })
      .prefault('50ms')
      .describe('Longest time that a request waits for Redis, all its questions together.'),
    confirmTimeout: duration({ min: 1, max: 5000, example: '250ms' })
      .prefault('250ms')
      .describe(
        'Longest time that the answer to an unsafe request (POST, PUT, DELETE …) waits until the other instances have removed its URL from their caches.'
      ),
    tls: backendTls
      .optional()
      .describe('TLS to Redis, as with `rediss://`, with a CA or a client certificate of its own.'),
    prefix: text('a text such as "lb:"', { min: 0, max: 64 })
      .prefault('lb:')
      .describe('Prefix of all keys; instances with the same prefix share their data.')
  },
  {
    lone: (value) =>
      typeof value === 'string'
        ? `did you mean { url: "${/:\/\/|^unix:|^file:/.test(value) ? '@' : 'redis://@'}" }?`
        : undefined
  }
)
