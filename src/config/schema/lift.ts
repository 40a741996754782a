import { errorAt, type Finding, type Path } from '../report/problem.ts'
import { isMap, type Raw, type RawMap } from '../raw.ts'
import type { Shape } from './leaf/shape.ts'

/** A section of the file that stood inside of another one. */
export interface Lifted {
  readonly finding: Finding
  readonly now: Path
  readonly written: Path
}

/** Deepest mapping to search: `listeners[0].routes[0]`. */
const MAX_DEPTH = 4

/**
 * Puts sections such as `caches:`, which were indented too far and so became a part of another section, where they
 * belong, so that only their place is reported. Changes `root`.
 */
export function liftSections(root: RawMap, shape: Shape): readonly Lifted[] {
  const lifted: Lifted[] = []
  for (const key of Object.keys(root)) {
    const inner = shape.keys.get(key)
    if (inner !== undefined) search(root[key]!, inner, [key], { root, shape, lifted })
  }
  return lifted
}

interface Search {
  readonly root: RawMap
  readonly shape: Shape
  readonly lifted: Lifted[]
}

function search(value: Raw, shape: Shape, path: Path, at: Search): void {
  if (path.length > MAX_DEPTH) return
  if (Array.isArray(value)) {
    if (shape.item !== undefined)
      for (const [index, item] of (value as readonly Raw[]).entries())
        search(item, shape.item, [...path, index], at)
    return
  }
  if (!isMap(value)) return
  const here = shape.keys.size === 0 && shape.item !== undefined ? shape.item : shape
  for (const key of Object.keys(value)) {
    if (isSection(key, value[key]!, here, at)) lift(value, key, path, at)
    else {
      const inner = here.keys.get(key) ?? here.values
      if (inner !== undefined) search(value[key]!, inner, [...path, key], at)
    }
  }
}

/** Whether it is a section of the file, and nothing that may stand here: a pool may be called `redis`. */
function isSection(key: string, value: Raw, here: Shape, { root, shape }: Search): boolean {
  const section = shape.keys.get(key)
  if (section === undefined || Object.hasOwn(root, key) || here.keys.has(key) || here.explained.has(key))
    return false
  if (Array.isArray(value)) return section.item !== undefined && here.values === undefined
  if (!isMap(value) || key === 'plugins') return false
  const keys = Object.keys(value)
  if (keys.length === 0 || keys.some((each) => here.values?.keys.has(each) === true)) return false
  return section.values === undefined
    ? keys.every((each) => (section.item ?? section).keys.has(each))
    : keys.every((each) => isMap(value[each]))
}

function lift(map: RawMap, key: string, path: Path, { root, lifted }: Search): void {
  root[key] = map[key]!
  delete map[key]
  const message = `"${key}" stands at the top of the file; here it is a part of \`${String(path[0])}\`: indent it less`
  lifted.push({ finding: errorAt([key], message, 'key'), now: [key], written: [...path, key] })
}
