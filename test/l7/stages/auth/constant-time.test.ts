import { createHash } from 'node:crypto'
import t from 'tap'
import { KeyTable } from '../../../../src/l7/stages/auth/api-keys/key-table.ts'
import { keyOwner } from '../../../../src/l7/stages/auth/api-keys/key-owner.ts'
import { KeyedText } from '../../../../src/l7/stages/auth/api-keys/keyed-text.ts'

t.test('two texts are compared to the end, wherever they differ', (t) => {
  const right = 'k'.repeat(32)
  const text = new KeyedText(64)
  for (let at = 0; at <= 32; at++) {
    text.read(right)
    const stored = text.words.slice()
    let looked = 0
    const counted = new Proxy(stored, {
      get: (words, index) => (looked++, words[Number(index)])
    })
    text.read(right.slice(0, at) + (at === 32 ? '' : 'K') + right.slice(at + 1))
    t.equal(text.isAt(counted, 0), at === 32)
    t.equal(looked, 8, `a difference at ${at}`)
  }
  t.end()
})

t.test('texts of bytes, of other characters and of both are told apart', (t) => {
  const like = (text: string) => [text, `${text}\0`, `\0${text}`, `${text}\0\0\0`, text.slice(1), `${text}a`]
  const texts = [
    'abcd',
    'abcde',
    'ab\0c',
    '\u0161bcd',
    'a\u0162\u0163d',
    'schl\u00fcssel',
    '\u6162\u6364',
    '\u{1f511}',
    '\ud83d'
  ].flatMap(like)
  const known = [...new Set(texts.filter((text) => text !== ''))]
  const table = new KeyTable()
  for (const text of known) table.add(text, keyOwner(text, []))
  for (const text of known) {
    t.equal(table.find(text)?.identity.name, text)
    // Characters that become the same when only their lower bytes are looked at.
    const beyond = text.replace(/[\0-\u00ff]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0x100))
    t.equal(table.find(beyond)?.identity.name, known.includes(beyond) ? beyond : undefined)
  }
  t.equal(table.find(''), undefined)
  t.end()
})

t.test('each key knows the last address that used it', (t) => {
  const table = new KeyTable()
  for (const name of ['alice', 'bob']) table.add(`key of ${name}`, keyOwner(name, []))
  const digest = createHash('sha256').update('key of carol').digest('hex')
  table.add(`sha256:${digest}`, keyOwner('carol', []))
  const names = ['alice', 'bob', 'carol']
  for (const name of names) table.find(`key of ${name}`)!.lastClient = `address of ${name}`
  t.strictSame(
    names.map((name) => table.find(`key of ${name}`)!.lastClient),
    names.map((name) => `address of ${name}`)
  )
  t.end()
})

t.test('each of many keys is found, whatever the table grows to, and nothing that is only like one', (t) => {
  const table = new KeyTable()
  const owner = (i: number) => keyOwner(`user-${i}`, [])
  const key = (i: number) => `key-${i}-${'x'.repeat(i % 40)}`
  const owners = Array.from({ length: 20_000 }, (_, i) => owner(i))
  for (const [i, each] of owners.entries()) {
    table.add(i % 100 === 0 ? `sha256:${createHash('sha256').update(key(i)).digest('hex')}` : key(i), each)
  }
  t.equal(table.size, 20_000)
  for (let round = 0; round < 2; round++) {
    t.strictSame(
      owners.filter((each, i) => table.find(key(i))?.identity !== each).length,
      0,
      `round ${round}`
    )
  }
  const like = (i: number) => [
    `${key(i)}y`,
    key(i).slice(0, -1),
    `y${key(i).slice(1)}`,
    key(i).toUpperCase(),
    ''
  ]
  t.strictSame(
    [...owners.keys()].flatMap(like).filter((text) => table.find(text) !== undefined),
    []
  )
  const again = owner(1)
  table.add(key(1), again)
  t.equal(table.find(key(1))?.identity, again, 'the later owner of a key')
  t.end()
})

t.test('a wrong key costs the same looks into the table, wherever it would lie', (t) => {
  const looks: number[] = []
  const array = globalThis.Int32Array
  let counted = 0
  // Each read of a number of the table is counted.
  globalThis.Int32Array = class {
    constructor(length: number) {
      return new Proxy(new array(length), {
        get(target, name) {
          if (typeof name === 'string' && /^\d+$/.test(name)) counted++
          const read = Reflect.get(target, name, target) as unknown
          return typeof read === 'function' ? (read.bind(target) as unknown) : read
        }
      })
    }
  } as unknown as Int32ArrayConstructor
  t.teardown(() => (globalThis.Int32Array = array))
  const table = new KeyTable()
  for (let i = 0; i < 500; i++) table.add(`key-${i}`, keyOwner('alice', []))
  for (let i = 0; i < 2000; i++) {
    counted = 0
    t.equal(table.find(`key-${i % 500}-${i}`.padEnd(16, '-')), undefined)
    looks.push(counted)
  }
  t.equal(new Set(looks).size, 1, `${[...new Set(looks)].join()}`)
  t.end()
})
