import { createHash } from 'node:crypto'
import t from 'tap'
import { KeyTable } from '../../../../src/l7/stages/auth/api-keys/key-table.ts'
import { provenKey } from '../../../../src/l7/stages/auth/api-keys/proven-key.ts'
import { sameText } from '../../../../src/l7/stages/auth/keyed-hash.ts'

t.test('two texts are compared to the end, wherever they differ', (t) => {
  const right = 'k'.repeat(32)
  for (let at = 0; at <= 32; at++) {
    let looked = 0
    const guess = {
      length: 32,
      charCodeAt: (i: number) => (looked++, i === at ? 0 : 'k'.charCodeAt(0))
    } as unknown as string
    t.equal(sameText(right, guess), at === 32)
    t.equal(looked, 32, `a difference at ${at}`)
  }
  t.end()
})

t.test('each of many keys is found, whatever the table grows to, and nothing that is only like one', (t) => {
  const table = new KeyTable()
  const owner = (i: number) => provenKey(`user-${i}`, [])
  const key = (i: number) => `key-${i}-${'x'.repeat(i % 40)}`
  const proven = Array.from({ length: 20_000 }, (_, i) => owner(i))
  for (const [i, each] of proven.entries()) {
    table.add(i % 100 === 0 ? `sha256:${createHash('sha256').update(key(i)).digest('hex')}` : key(i), each)
  }
  t.equal(table.size, 20_000)
  for (let round = 0; round < 2; round++) {
    t.strictSame(proven.filter((each, i) => table.find(key(i)) !== each).length, 0, `round ${round}`)
  }
  const like = (i: number) => [
    `${key(i)}y`,
    key(i).slice(0, -1),
    `y${key(i).slice(1)}`,
    key(i).toUpperCase(),
    ''
  ]
  t.strictSame(
    [...proven.keys()].flatMap(like).filter((text) => table.find(text) !== undefined),
    []
  )
  const again = owner(1)
  table.add(key(1), again)
  t.equal(table.find(key(1)), again, 'the later owner of a key')
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
          return Reflect.get(target, name, target) as unknown
        }
      })
    }
  } as unknown as Int32ArrayConstructor
  t.teardown(() => (globalThis.Int32Array = array))
  const table = new KeyTable()
  for (let i = 0; i < 500; i++) table.add(`key-${i}`, provenKey('alice', []))
  for (let i = 0; i < 2000; i++) {
    counted = 0
    t.equal(table.find(`key-${i % 500}-${i}`), undefined)
    looks.push(counted)
  }
  t.equal(new Set(looks).size, 1, `${[...new Set(looks)].join()}`)
  t.end()
})
