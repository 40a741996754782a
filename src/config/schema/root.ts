import { z } from 'zod'
import { defaults } from '../defaults.ts'
import { foreignLevels } from '../report/foreign-words.ts'
import { numberOf, textOf } from '../environment/env-text.ts'
import { leaf, listOf, mapping, Refusal } from './leaf/leaf.ts'
import { duration, size, text, word } from './leaf/leaves.ts'
import { acmeSchema } from './acme.ts'
import { configTest } from './config-test.ts'
import { listenerSchema } from './listener/listener.ts'
import { firstOf, loneNumber, loneText, loneTrue } from './leaf/lone.ts'
import { name } from './leaf/name.ts'
import { bind } from './leaf/network-leaves.ts'
import { pluginList } from './plugin-keys.ts'
import { poolSchema } from './pool/pool.ts'
import { redisSchema } from './redis.ts'

const MAX_WORKERS = 256

function workers() {
  const json = { anyOf: [{ const: 'auto' }, { type: 'integer', minimum: 0, maximum: MAX_WORKERS }] }
  return leaf<number | 'auto', number | 'auto'>(
    `auto, or a whole number from 0 to ${MAX_WORKERS}`,
    json,
    (input) => {
      if (textOf(input) === 'auto') return 'auto'
      const count = numberOf(input)
      if (count !== undefined && Number.isInteger(count) && count >= 0 && count <= MAX_WORKERS) return count
      const text = textOf(input)
      if (text !== undefined && /^\d+$/.test(text)) return new Refusal({ cure: 'write it without quotes' })
      const counted = /^(\d{1,3}) *(?:cores?|cpus?|threads?|workers?|processes)$/i.exec(text ?? '')
      if (counted !== null && Number(counted[1]) <= MAX_WORKERS)
        return new Refusal({ cure: `write ${counted[1]}` })
      if (text !== undefined && /^(?:cores?|cpus?|max|all|ncpu)$/i.test(text))
        return new Refusal({ cure: 'one per core is auto' })
      if (count !== undefined && count > MAX_WORKERS) return new Refusal({})
      return new Refusal(count === undefined ? {} : { cure: 'one per core is auto' })
    }
  )
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

const foreignStores = new Map(['disk', 'file', 'ram', 'filesystem'].map((word) => [word, 'write memory']))

const cache = mapping({
  maxBytes: size({ min: 1024 ** 2, example: '256mb' })
    .prefault(defaults.cache.maxBytes)
    .describe('Memory for entries, over all workers.'),
  maxObjectBytes: size({ min: 1, example: '2mb' })
    .prefault(defaults.cache.maxObjectBytes)
    .describe(
      'Longer responses are not stored, nor are those that take more than about a fifth of `maxBytes`.'
    ),
  store: word(['memory', 'redis'], foreignStores)
    .prefault(defaults.cache.store)
    .describe('Where entries are stored: in `memory` of this instance, or in `redis` too, behind the memory.')
})

export const rootSchema = mapping({
  workers: workers()
    .prefault(defaults.workers)
    .describe('Threads that serve traffic; `auto`: one per core; 0: all in the main thread.'),
  shutdown: mapping(
    {
      grace: duration({ min: 0, example: '30s' })
        .prefault(defaults.shutdown.grace)
        .describe('Time for open connections to end after SIGTERM, when no new ones are accepted.'),
      delay: duration({ min: 0, example: '5s' })
        .prefault(defaults.shutdown.delay)
        .describe(
          'Time before that in which everything is served and only `/readyz` answers 503, so that VRRP, another load balancer or Kubernetes sends traffic elsewhere first.'
        )
    },
    {
      lone: firstOf(loneText('grace'), (value) =>
        typeof value === 'number' ? 'did you mean { grace: "@s" }?' : undefined
      )
    }
  )
    .prefault({})
    .describe('How lb stops.'),
  user: text('the name of a user such as nobody', {
    max: 64,
    reject: (value) =>
      /^[\w-]+(?::|[\s,;]+)[\w-]*$/.test(value)
        ? `the group is that of the user: write "${value.replace(/[^\w-].*/, '')}" alone`
        : undefined
  })
    .optional()
    .describe('User to switch to once the listeners are bound; left out: none.'),
  log: mapping(
    {
      level: word(logLevels, foreignLevels)
        .prefault(defaults.log.level)
        .describe('Lowest level that is logged.')
    },
    { lone: loneText('level') }
  )
    .prefault({})
    .describe('Log on standard output: lines of JSON, readable text on a terminal.'),
  admin: mapping(
    {
      bind: listOf(bind(), { min: 1, max: 10 }).describe('Address to listen on, as for listeners.'),
      token: text('a token', { min: 0, max: 4096 })
        .optional()
        .describe(
          'Token that is required for every call that changes something; required when other machines can reach it. May be `file:/path`.'
        )
    },
    {
      lone: firstOf(
        loneText('bind', /\d/),
        loneNumber('bind'),
        loneTrue('did you mean { bind: 127.0.0.1:9900 }?')
      )
    }
  )
    .optional()
    .describe('Health of `lb` itself, metrics and the API; left out: none.'),
  acme: acmeSchema
    .optional()
    .describe('How certificates are obtained (RFC 8555), for listeners with `tls: { acme: … }`.'),
  listeners: listOf(listenerSchema, { min: 1, max: 1000 }).describe(
    'Addresses for clients, and what happens to their traffic.'
  ),
  pools: z.record(name('a name such as web'), poolSchema).prefault({}).describe('Sets of backends, by name.'),
  caches: z
    .record(name('a name such as main'), cache)
    .prefault({})
    .describe('Caches for the responses of routes, by name.'),
  plugins: pluginList,
  tests: listOf(configTest, { max: 10_000 })
    .prefault([])
    .describe('Requests and their expected results; run by `lb test` and `lb check`.'),
  redis: redisSchema.optional().describe('Redis or Valkey, for settings with `store: redis`; left out: none.')
})

export type RootInput = z.output<typeof rootSchema>

/** The configuration as written: the keys of the YAML file, values in their units. */
export type Config = z.input<typeof rootSchema>
