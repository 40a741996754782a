import t from 'tap'
import { valueDiff } from '../../src/runtime/control/reload/value-diff.ts'
import { describeDiff, diffConfigs } from '../../src/runtime/control/reload/diff.ts'
import { prettyMessage } from '../../src/core/log/pretty-message.ts'
import { configOf } from './configs.ts'

const of = (pool: object, more: object = {}) =>
  configOf({
    listeners: { name: 'web', bind: ':8080', mode: 'l7', pool: 'p' },
    pools: { p: { backends: ['127.0.0.1:1', '127.0.0.1:2'], ...pool } },
    ...more
  })

t.test('a plan shows old and new values in the form of the file', async (t) => {
  const lines = describeDiff(
    diffConfigs(of({}), of({ slowStart: '30s', timeouts: { connect: '5s' }, sticky: { cookie: 'c' } }))
  )
  t.match(lines.at(-1), /^pool p: /)
  for (const part of ['slowStart 0s -> 30s', 'timeouts.connect 3s -> 5s', 'sticky none -> { cookie: c'])
    t.match(lines.at(-1), part)
  t.notMatch(lines.join(), /Ms\b/)
})

t.test('keys of stages are shown in the form of the file, each once and without secrets', async (t) => {
  const listener = (more: object) =>
    configOf({
      listeners: { name: 'web', bind: ':1', mode: 'l7', pool: 'p', ...more },
      pools: { p: { backends: ['127.0.0.1:1'] } }
    })
  const lines = (before: object, after: object) =>
    describeDiff(diffConfigs(listener(before), listener(after)))[0]
  t.equal(
    lines({ rateLimit: { requests: 10 } }, { rateLimit: { requests: 20, per: '1m' } }),
    'listener web changed: rateLimit.requests 10 -> 20, rateLimit.per 1s -> 1m'
  )
  const keys = (key: string) => ({ auth: [{ apiKeys: { keys: { alice: key } } }] })
  const told = lines(keys('old-'.repeat(8)), keys('new-'.repeat(8)))
  t.match(told, 'auth.methods.apiKeys.keys.alice [***] -> [***]')
  t.notMatch(told, /old-|new-/)
})

t.test('it tells what a cache loses, and no secret', async (t) => {
  const admin = (token: string) => ({ admin: { bind: '127.0.0.1:9900', token } })
  const cache = (maxBytes: string) => ({ caches: { main: { maxBytes } } })
  t.match(describeDiff(diffConfigs(of({}, cache('64mb')), of({}, cache('128mb')))), [
    'listener web unchanged',
    'pool p unchanged',
    'caches changed: caches.main.maxBytes 64mb -> 128mb; what main holds is lost'
  ])
  // What is new as a whole is told in the form of the file too.
  t.match(
    describeDiff(diffConfigs(of({}), of({}, cache('20mb')))).at(-1),
    /^caches changed: caches\.main none -> \{ maxBytes: 20mb, [^"]*, … \}$/
  )
  const told = describeDiff(diffConfigs(of({}, admin('old-secret')), of({}, admin('new-secret')))).join()
  t.match(told, 'admin.token *** -> ***')
  t.notMatch(told, 'secret')
})

t.test('many differences are counted', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key${index}`, index]))
  t.equal(valueDiff({}, many).at(-1), 'and 14 more')
})

t.test('on a terminal the mistakes of a refused reload stand on lines of their own, once', async (t) => {
  const errors = ['lb.yaml:1:1: error: first one', 'lb.yaml:2:1: error: second one']
  t.equal(
    prettyMessage({ msg: `reload refused: ${errors[0]}`, errors }),
    `reload refused: ${errors[0]}\n    ${errors[1]}`
  )
})
