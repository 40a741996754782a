import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { quickYaml } from '../../src/config/yaml/quick-yaml.ts'
import { parseYaml } from '../../src/config/yaml/yaml-parse.ts'
import { yamlValues } from '../../src/config/yaml/yaml-values.ts'

const root = join(import.meta.dirname, '../..')
const env = { A: 'x', N: '12' }

/** What the library makes of a text; undefined when it has anything to say against it. */
function library(text: string): { value: unknown } | undefined {
  const yaml = parseYaml(text)
  if ('offset' in yaml || yaml.syntax.length > 0) return undefined
  const { value, findings } = yamlValues(yaml.document, env)
  return findings.length > 0 ? undefined : { value }
}

const reference = readFileSync(join(import.meta.dirname, 'reference.yaml.txt'), 'utf8').split('\n')
const documents = [
  ...readdirSync(join(root, 'examples'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(root, 'examples', name), 'utf8')),
  readFileSync(join(root, 'lb.yaml'), 'utf8'),
  ...Array.from({ length: 8 }, (_, i) => reference.slice(i * 12 + 16, i * 12 + 36).join('\n')),
  'a:\n- b\n- c:\n    d: e\nf: g\n',
  `k: 'it''s'\nj: "a\\nb"\n`,
  'x: [a,\n  b, # c\n  { c: d }\n  ]\ny: 1.5\n'
]

t.test('what ordinary files are made of is read quickly, and as the library reads it', async (t) => {
  const texts = [
    ...documents,
    'a: 1\nb: 0\nc: 15.25\nd: true\ne: false\nf: 10.0.0.1:80\ng: :80\nh: -x\ni: 1h\nj: 80%\nk: é\n',
    'a: # nothing\nb:\n  # a comment\n\n  c: d # e\n    # deeper\ng: {}\nh: []\n',
    '- a\n- - b\n  - c\n- d: e\n  f:\n  - g\n  h: i\n-\n  j: k\n',
    '"a b": "c: d"\n\'e\': {"f": [1, [2, [3]], {g: h,}],}\n',
    'a: ${A}\nb: "${N}"\nc: ${NONE:-x}\nd: $$\n'
  ]
  for (const text of texts) {
    const expected = library(text)
    // A cut-out piece of the reference may be no YAML.
    if (expected === undefined) t.equal(quickYaml(text, env), undefined, text)
    else t.strictSame(quickYaml(text, env), expected.value, text)
  }
})

t.test('whatever has rules of its own is left to the library', async (t) => {
  for (const text of [
    '',
    '# x\n',
    'a',
    '---\na: b\n',
    'a: b\n...\n',
    '%YAML 1.2\n',
    'a: &x b\n',
    'a: *x\n',
    'a: !t b\n',
    'a: |\n  b\n',
    'a: >-\n  b\n',
    'a: b\n  c\n',
    'a: b: c\n',
    'a:\tb\n',
    'a: b\r\n',
    '\ufeffa: b\n',
    'a: b\u00a0\n',
    '? a\n: b\n',
    '<<: { a: b }\n',
    'a: 1\na: 2\n',
    '__proto__: 1\n',
    'a: null\n',
    'a: ~\n',
    'a: 0x1F\n',
    'a: 0o7\n',
    'a: 1e3\n',
    'a: .5\n',
    'a: +1\n',
    'a: 1_000\n',
    'a: .inf\n',
    'a: True\n',
    'a: 007\n',
    'a: @x\n',
    'a: `x`\n',
    'a: [b: c]\n',
    'a: [b, , c]\n',
    'a: {b}\n',
    'a: {b: c\n',
    'a: [b\nc]\n',
    'a: "b\n  c"\n',
    'a: "\\x41"\n',
    'a: {"b":c}\n',
    'a: b}\n',
    ' a: b\nc: d\n',
    'a:\n  b: c\n d: e\n',
    '- a\nb: c\n',
    'a: ${NONE}\n',
    `a: ${'['.repeat(40)}${']'.repeat(40)}\n`
  ]) {
    const found = quickYaml(text, env)
    if (found !== undefined) t.strictSame(found, library(text)?.value, JSON.stringify(text))
  }
  for (const text of [
    'a: &x b\n',
    'a: b\n  c\n',
    'a: 1\na: 2\n',
    '<<: { a: b }\n',
    'a: ${NONE}\n',
    'a: |\n  b\n'
  ]) {
    t.equal(quickYaml(text, env), undefined, JSON.stringify(text))
  }
})

t.test('whatever it reads of a mutated file, the library reads the same and without complaint', async (t) => {
  const insert = fc.constantFrom(
    '\n',
    ' ',
    '  ',
    ': ',
    ':',
    '- ',
    '-',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '<<: ',
    '!x ',
    '%',
    '|',
    '>',
    '---\n',
    '...',
    '${A}',
    '$',
    '0',
    '-1',
    'null',
    '~',
    '1e9',
    '.5',
    '0x1',
    '# ',
    '#',
    ' #',
    ',',
    ', ',
    '?',
    '? ',
    '@',
    '\\',
    '\\n',
    'true',
    '+1',
    "''",
    '""',
    'a: b',
    '- - ',
    '{}',
    '[]',
    '\n\n',
    '\n  ',
    '\n    ',
    '1.0',
    '.',
    '=',
    'é',
    '\t'
  )
  const edit = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), remove: fc.nat(6), insert })
  let read = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...documents),
      fc.array(edit, { minLength: 1, maxLength: 3 }),
      (document, edits) => {
        let text = document
        for (const { at, remove, insert } of edits) {
          const offset = Math.floor(at * text.length)
          text = text.slice(0, offset) + insert + text.slice(offset + remove)
        }
        const found = quickYaml(text, env)
        if (found === undefined) return true
        read++
        const expected = library(text)
        return expected !== undefined && same(found, expected.value)
      }
    ),
    { numRuns: 4000 }
  )
  t.ok(read > 100, `${read} were read`)
})

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
