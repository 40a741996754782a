import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { parseDocument } from 'yaml'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { configFromObject, parseConfig } from '../../src/config/parse-config.ts'

const reference = readFileSync(join(import.meta.dirname, 'reference.yaml.txt'), 'utf8')
const lines = reference.split('\n')
const env = { LB_ADMIN_TOKEN: 'x' }

/** What a slip of the hand does to a file. */
const mutation = fc.record({
  at: fc.nat(reference.length - 1),
  remove: fc.integer({ min: 0, max: 30 }),
  insert: fc.oneof(
    fc.string({ maxLength: 6, unit: 'binary' }),
    fc.constantFrom(
      '\t',
      '\n',
      ': ',
      '- ',
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
      '${',
      '${A}',
      '\u2028',
      '0',
      '-1',
      'null',
      '~',
      '1e999',
      '.nan',
      '# '
    )
  )
})

function survives(text: string): boolean {
  const result = parseConfig(text, { file: 'lb.yaml', env })
  const problems = result.ok ? result.warnings : result.problems
  if (!result.ok && problems.length === 0) return false
  const output = formatProblems(problems)
  return (
    problems.every(
      ({ line, column }) => line !== undefined && line >= 1 && column !== undefined && column >= 1
    ) &&
    !/[\u0000-\u0009\u000b-\u001f]/.test(output) &&
    output.split('\n').every((line) => !line.startsWith('  ') || line.length <= 161)
  )
}

t.test('no mutation of the reference throws or goes without a position', async () => {
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      let text = reference
      for (const { at, remove, insert } of mutations)
        text = text.slice(0, at) + insert + text.slice(at + remove)
      return survives(text)
    }),
    { numRuns: 400 }
  )
})

t.test('no shuffle of its lines does either', async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(lines.length - 1), { minLength: 1, maxLength: 60 }), (picks) =>
      survives(picks.map((pick) => lines[pick]).join('\n'))
    ),
    { numRuns: 150 }
  )
})

t.test('no value at any key throws', async () => {
  const key = fc.constantFrom(
    'listeners',
    'pools',
    'caches',
    'admin',
    'bind',
    'mode',
    'pool',
    'routes',
    'match',
    'backends',
    'health',
    'type',
    'sni',
    'tls',
    'split',
    'weight',
    'hash',
    'algorithm',
    'cache',
    'store',
    'name',
    'web',
    'x'
  )
  const leaf = fc.oneof(
    fc.constantFrom('l4', 'l7', ':80', 'web', 'tcp', 'a:1', '10s', null, true, 0),
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.constant(undefined)
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 6 })
    )
  }))
  fc.assert(
    fc.property(fc.dictionary(key, tree, { maxKeys: 8 }), (value) => {
      const result = configFromObject(value)
      return result.ok || (result.problems.length > 0 && formatProblems(result.problems).length > 0)
    }),
    { numRuns: 1500 }
  )
})

/** Paths to everything in a value, the value itself left out. */
function* paths(
  value: unknown,
  path: readonly (string | number)[] = []
): Generator<readonly (string | number)[]> {
  if (path.length > 0) yield path
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value))
    yield* paths(inner, [...path, Array.isArray(value) ? Number(key) : key])
}

t.test('a mapping, or a list of them, in the place of any other value throws nothing', async (t) => {
  const document = parseDocument(reference)
  // One of each key: what differs by its place only is read by the same piece.
  const kinds = new Map(
    [...paths(document.toJS())].map((path) => [path.findLast((key) => typeof key === 'string')!, path])
  )
  const all = [...kinds.values()]
  t.ok(all.length > 50)
  for (const [index, path] of all.entries()) {
    const shape = index % 2 === 0 ? { a: 1 } : [{ a: 1 }]
    const changed = document.clone()
    changed.setIn(path, changed.createNode(shape))
    if (!survives(String(changed))) t.fail(`${path.join('.')}: ${JSON.stringify(shape)}`)
  }
})
