import fc from 'fast-check'
import t from 'tap'
import { FieldNames } from '../../../src/l7/headers/field-names.ts'
import { HeaderBlock, nameBits } from '../../../src/l7/message/header-block.ts'

type Field = readonly [name: string, value: string]

/** Names that share a bit (`vary`, `VaRy`), begin with one letter, or differ in a mark. */
const names = [
  'Vary',
  'via',
  'X-User',
  'x_user',
  'X-Env',
  'Server',
  'Date',
  'Cookie',
  'ETag',
  '_User',
  '^a',
  '1st',
  '|~'
]
const name = fc.constantFrom(...names, ...names.map((one) => one.toLowerCase()))
const field = fc.tuple(name, fc.constantFrom('a', 'b: c', '', 'd, e'))

const linesOf = (fields: readonly Field[]): string =>
  fields.map(([key, value]) => `${key}: ${value}\r\n`).join('')

/** What a block is, by the plainest means. */
class Model {
  fields: Field[]

  constructor(fields: readonly Field[]) {
    this.fields = [...fields]
  }

  all(key: string): string[] {
    return this.fields.filter(([one]) => one.toLowerCase() === key).map(([, value]) => value)
  }

  drop(keys: readonly string[], read: (key: string) => string): void {
    const dropped = new Set(keys.map((key) => read(key)))
    this.fields = this.fields.filter(([key]) => !dropped.has(read(key.toLowerCase())))
  }
}

interface Step {
  readonly words: string
  take(block: HeaderBlock, model: Model): void
}

const step = fc.oneof(
  field.map(([key, value]): Step => ({
    words: `append ${key}`,
    take(block, model) {
      block.append(key, value)
      model.fields.push([key, value])
    }
  })),
  fc.tuple(fc.array(field, { maxLength: 3 }), fc.boolean()).map(([fields, told]): Step => ({
    words: `append lines of ${fields.map(([key]) => key).join()}`,
    take(block, model) {
      if (told) block.appendLines(linesOf(fields), nameBits(linesOf(fields)))
      else block.appendLines(linesOf(fields))
      model.fields.push(...fields)
    }
  })),
  name.map((key): Step => ({
    words: `remove ${key}`,
    take(block, model) {
      block.remove(key.toLowerCase())
      model.drop([key.toLowerCase()], (one) => one)
    }
  })),
  field.map(([key, value]): Step => ({
    words: `set ${key}`,
    take(block, model) {
      block.set(key, value)
      model.drop([key.toLowerCase()], (one) => one)
      model.fields.push([key, value])
    }
  })),
  name.map((key): Step => ({
    words: `take ${key}`,
    take(block, model) {
      const at = model.fields.findIndex(([one]) => one.toLowerCase() === key.toLowerCase())
      const taken = at === -1 ? undefined : model.fields.splice(at, 1)[0]![1]
      if (block.take(key.toLowerCase()) !== taken) throw new Error('another value was taken')
    }
  })),
  fc.tuple(fc.subarray(names), fc.boolean()).map(([keys, disguised]): Step => ({
    words: `drop ${keys.join()}${disguised ? ' in disguise' : ''}`,
    take(block, model) {
      const lower = keys.map((key) => key.toLowerCase())
      block.drop(new FieldNames(lower), disguised)
      model.drop(lower, (one) => (disguised ? one.replaceAll('_', '-') : one))
    }
  })),
  fc.constant<Step>({
    words: 'its text written back',
    take(block) {
      block.text = String(block.text)
    }
  })
)

t.test('a block of fields says what a plain list of them would, whatever is done to it', async (t) => {
  fc.assert(
    fc.property(
      fc.array(field, { maxLength: 6 }),
      fc.boolean(),
      fc.array(step, { maxLength: 8 }),
      (fields, told, steps) => {
        const text = linesOf(fields)
        const block = told ? new HeaderBlock(text, nameBits(text)) : new HeaderBlock(text)
        const model = new Model(fields)
        for (const { take } of steps) {
          take(block, model)
          for (const key of names.map((one) => one.toLowerCase())) {
            const values = model.all(key)
            const joined = values.length === 0 ? undefined : values.join(key === 'cookie' ? '; ' : ', ')
            if (
              block.first(key) !== values[0] ||
              block.get(key) !== joined ||
              block.has(key) !== values.length > 0
            )
              throw new Error(`${key} reads ${block.get(key)}, not ${joined}`)
          }
          const some = new FieldNames(['vary', 'date'])
          if (block.hasAny(some) !== some.all.some((key) => model.all(key).length > 0))
            throw new Error('hasAny')
        }
        const seen: Field[] = []
        block.forEach((key, value) => seen.push([key, value]))
        if (block.text !== linesOf(model.fields))
          throw new Error(`${block.text} is not ${linesOf(model.fields)}`)
        if (block.size !== model.fields.length || seen.length !== block.size) throw new Error('size')
      }
    ),
    { numRuns: 2000 }
  )
  t.pass('2,000 sequences')
})
