import { ESLint } from 'eslint'
import t from 'tap'
import { bareRecord, own } from '../src/core/own.ts'

const head = "import { own, type BareRecord } from './own.ts'\n"

// The types of the whole project are read once.
const eslint = new ESLint({ ruleFilter: ({ ruleId }) => ruleId === 'lb/no-text-index' })
t.setTimeout(180_000)

/** What the rule says of this text in place of a file of src/. */
async function faults(code: string): Promise<string[]> {
  const [result] = await eslint.lintText(head + code, { filePath: 'src/core/random.ts' })
  return result!.messages.map(({ line, messageId }) => `${line - 1} ${messageId}`)
}

t.test('lint finds plain objects that text chooses a property of', async (t) => {
  const found = await faults(`
    const table: Record<string, number> = { de: 1, en: 2 }
    const words = { de: 1, en: 2 } as const
    export const read = (text: string) => table[text]
    export const joined = (text: string) => table[\`\${text}-at\`]
    export const write = (text: string) => (table[text] = 1)
    export const cast = (text: string) => words[text as keyof typeof words]
    export const inside = (text: string) => text in words
    export const deep = (of: { inner: Readonly<Record<string, number>> | undefined }, text: string) => of.inner?.[text]
  `)
  t.strictSame(found, ['4 index', '5 index', '6 index', '7 cast', '8 in', '9 index'])
})

t.test('lint lets what is sound pass', async (t) => {
  const found = await faults(`
    const table: Record<string, number> = { de: 1, en: 2 }
    export const literal = table['de']
    export const asked = (text: string) => (Object.hasOwn(table, text) ? table[text] : undefined)
    export const owned = (text: string) => own(table, text)
    export const bare = (record: BareRecord<number>, text: string) => record[text]
    export const known = (word: 'de' | 'en') => table[word]
    export const list = (items: string[], at: number) => items[at]
    export const map = (all: Map<string, number>, text: string) => all.get(text)
    // eslint-disable-next-line lb/no-text-index -- the expression lets two letters through
    export const told = (text: string) => table[text]
  `)
  t.strictSame(found, [])
})

t.test('own finds nothing that every object inherits, and a bare record takes any name', async (t) => {
  const table = { de: 1 }
  t.equal(own(table, 'de'), 1)
  for (const name of ['constructor', '__proto__', 'toString']) t.equal(own(table, name), undefined)
  const record = bareRecord<number>([['__proto__', 1]])
  record['constructor'] = 2
  t.strictSame(Object.entries(record), [
    ['__proto__', 1],
    ['constructor', 2]
  ])
})
