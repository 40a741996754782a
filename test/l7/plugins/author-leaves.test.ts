/* eslint-disable @typescript-eslint/no-explicit-any -- as a plugin in JavaScript has them: no compiler looks at what it writes */

import t from 'tap'
import { ConfigError, start } from '../../../src/index.ts'
import * as plugin from '../../../src/plugin.ts'

const { definePlugin, text } = plugin
const leaf: Record<string, (...given: unknown[]) => any> = plugin as any

/** Name, arguments, and what the author is told. */
const refused: readonly (readonly [string, readonly unknown[], RegExp])[] = [
  [
    'word',
    ['soft'],
    /^word\(\): it takes a list of words, and got "soft"\. Write for example word\(\["soft", "hard"\]\)$/
  ],
  ['word', [], /got nothing/],
  ['word', [[]], /got an empty list/],
  ['word', [['soft', 1]], /a word is text, and one of these is 1/],
  ['word', [['soft'], ['hard']], /all words stand in one list/],
  ['text', [], /first comes what is expected/],
  ['text', [{ max: 5 }], /first comes what is expected/],
  ['text', ['a name', 5], /options are a mapping of min, max, .*, and not 5/],
  ['text', ['a name', { max: '5' }], /the option "max" is "5"; it must be a number/],
  ['text', ['a name', { max: NaN }], /it must be a number/],
  ['text', ['a name', { mx: 5 }], /unknown option "mx"; did you mean "max"\./],
  ['text', ['a name', { constructor: 5 }], /unknown option "constructor"/],
  ['text', ['a name', { reject: 'no' }], /must be a function/],
  ['integer', [], /it takes the least and the most, and got nothing and nothing/],
  ['integer', [{ min: 1, max: 2 }], /got a mapping and nothing/],
  ['integer', [1.5, 2], /got 1\.5 and 2/],
  ['integer', [5, 1], /5 is more than 1/],
  ['decimal', ['0', '1'], /got "0" and "1"/],
  ['duration', ['10s'], /options are a mapping of min, max, example, and not "10s"/],
  ['duration', [{ max: '10s' }], /the option "max" is "10s"/],
  ['lifetime', [60], /and not 60/],
  ['size', [null], /and not null/],
  ['rate', ['20/s'], /and not "20\/s"/],
  ['percent', [{ max: '5%' }], /the option "max" is "5%"/],
  ['flag', [true], /it takes no arguments/],
  ['secret', ['${KEY}'], /it takes no arguments/],
  ['fieldName', ['X-Tenant'], /it takes no arguments/],
  ['fieldValue', ['X-Tenant'], /or a function/],
  ['listOf', [], /an item is nothing/],
  ['listOf', [text], /an item is a function \(without its parentheses\?\)/],
  ['listOf', [[text('a name')]], /an item is a list/],
  ['listOf', [text('a name'), text('a name')], /and not a leaf/],
  ['mapping', [], /it takes the keys and their leaves, and got nothing/],
  ['mapping', [text('a name')], /got a leaf/],
  ['mapping', [[text('a name')]], /got a list/],
  ['mapping', [{ a: text }], /the key "a" is a function \(without its parentheses\?\)/],
  ['mapping', [{ a: 'text' }], /the key "a" is "text"/],
  ['mapping', [{ a: { b: text('a name') } }], /the key "a" is a mapping/],
  ['mapping', [{ a: undefined }], /the key "a" is nothing/],
  ['mapping', [{ a: text('a name') }, { exampel: 'x' }], /did you mean "example"/]
]

t.test('an author is told what a leaf takes, where it is given something else', (t) => {
  for (const [name, given, words] of refused)
    t.throws(() => leaf[name]!(...given), { name: 'TypeError', message: words })
  t.end()
})

t.test('what leaves take is taken', (t) => {
  const {
    integer,
    decimal,
    duration,
    size,
    rate,
    percent,
    flag,
    word,
    listOf,
    mapping,
    fieldName,
    fieldValue,
    lifetime
  } = plugin
  const keys = mapping(
    {
      a: text('a name', { min: 2, max: 5, reject: () => undefined }).describe('A name.'),
      b: integer(-1, 1).prefault(0),
      c: decimal(0, 0.5).optional(),
      d: duration({ min: 5, example: '1s' }).prefault('1s'),
      e: listOf(word(['x', 'y']), { min: 1 }).prefault(['x']),
      f: mapping({ g: flag().prefault(true) }).prefault({}),
      h: fieldName().prefault('X-A'),
      i: fieldValue().prefault(''),
      j: listOf(size()).prefault('1kb'),
      k: rate().prefault('1/s'),
      l: percent({ max: 2 }).prefault('150%'),
      m: lifetime().prefault('1y')
    },
    { example: '{ a: name }' }
  )
  const { d, e, f, j, l } = keys.parse({ a: 'name' })
  t.strictSame({ d, e, f, j, l }, { d: 1000, e: ['x'], f: { g: true }, j: [1024], l: 1.5 })
  t.end()
})

/** What is told of keys that only misbehave when they are used. */
const failing: Record<string, readonly [any, RegExp]> = {
  'a default that is no value': [
    plugin.mapping({ a: plugin.duration().prefault(5000 as any) }),
    /the default of its key "a" is no value of that key/
  ],
  null: [null, /"keys" must be a schema/],
  'a transform that throws': [
    plugin.mapping({
      a: text('a name').transform(() => {
        throw new Error('boom')
      })
    }),
    /listeners\[0\]\.plugins\.own: error: the keys of the plugin "own" cannot be checked: boom/
  ],
  'a check that waits': [
    plugin.mapping({ a: text('a name').refine(async () => Promise.resolve(true)) }),
    /the keys of the plugin "own" cannot be checked: they must not wait/
  ],
  'a check of its own': [
    plugin.mapping({ a: text('a name').refine(() => false, 'no tenant of ours') }),
    /listeners\[0\]\.plugins\.own\.a: error: no tenant of ours/
  ]
}

for (const [name, [keys, words]] of Object.entries(failing)) {
  t.test(`the keys of a plugin: ${name}`, async (t) => {
    const own = definePlugin({ name: 'own', before: 'cache', keys, request: () => undefined })
    const listener = {
      bind: '127.0.0.1:0',
      mode: 'l7',
      pool: 'web',
      plugins: { own: { a: 'name' } }
    } as const
    const pools = { web: { backends: ['127.0.0.1:1'] } }
    const error = await start({ workers: 0, plugins: [own], listeners: listener, pools } as any).then(
      (lb) => lb.stop(),
      (error: unknown) => error
    )
    t.type(error, ConfigError)
    t.match((error as Error).message, words)
  })
}
