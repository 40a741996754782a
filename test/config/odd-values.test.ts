import t from 'tap'
import { parseConfig } from '../../src/config/parse-config.ts'
import { type Shape, shapeOf } from '../../src/config/schema/leaf/shape.ts'
import { rootSchema } from '../../src/config/schema/root.ts'

// Every key of the schema gets values of every other kind: what is wrong is told, with its place, and nothing throws.

const odd: readonly unknown[] = [
  { a: { b: 1 } },
  [[{ a: 1 }], { b: [] }],
  null,
  '',
  '~* ^/(a|b)$',
  -1.5,
  true,
  {}
]

interface Place {
  readonly keys: readonly string[]
  /** The whole file around a mapping. */
  readonly wrap: (mapping: object) => object
}

/** Every mapping of the schema, each once: `pools.web.health` and so on. */
function places(shape: Shape, wrap: Place['wrap'], seen: ReadonlySet<Shape>): Place[] {
  if (seen.has(shape)) return []
  const within = new Set([...seen, shape])
  const found: Place[] = shape.keys.size > 0 ? [{ keys: [...shape.keys.keys()], wrap }] : []
  for (const [key, inner] of shape.keys)
    found.push(...places(inner, (mapping) => wrap({ [key]: mapping }), within))
  if (shape.item !== undefined) found.push(...places(shape.item, (mapping) => wrap([mapping]), within))
  if (shape.values !== undefined)
    found.push(...places(shape.values, (mapping) => wrap({ web: mapping }), within))
  return found
}

t.test('a value of another kind is told at its place, whatever the key', async (t) => {
  const all = places(shapeOf(rootSchema), (mapping) => mapping, new Set())
  t.ok(all.length > 60, `${all.length} mappings`)
  for (const { keys, wrap } of all) {
    for (const value of odd) {
      for (const mode of ['l4', 'l7']) {
        const root = withMode(wrap(Object.fromEntries(keys.map((key) => [key, value]))), mode)
        if (mode === 'l4' && !('listeners' in root)) continue
        const result = parseConfig(JSON.stringify(root), { file: 'lb.yaml', env: {} })
        if (result.ok || result.problems.length === 0 || !result.problems.every(({ line }) => line === 1))
          t.fail(`${JSON.stringify(root)} is taken, or refused without a place`)
      }
    }
  }
})

/** Without a `mode` a listener is not looked into. */
function withMode(root: object, mode: string): object {
  if (!('listeners' in root) || !Array.isArray(root.listeners)) return root
  const [first] = root.listeners as readonly object[]
  return { ...root, listeners: [{ ...first, mode }] }
}
