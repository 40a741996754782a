import { EnvText } from '../environment/env-text.ts'
import { errorAt, type Finding, type Path, pathText } from '../report/problem.ts'
import { isMap, type Raw, type RawMap } from '../raw.ts'
import type { Shape } from './shape.ts'

/** A part of the file that was read in another form than it is written in. */
interface Moved {
  /** Where it stands. */
  readonly path: Path
  /** The part of a path that values have now, to the one that is written. */
  readonly written: ReadonlyMap<string | number, string | number>
}

/** What was put into form, and where each part of it is written. */
export interface Normalised {
  readonly findings: readonly Finding[]
  /** The finding with the path as it is written. */
  rewrite(finding: Finding): Finding
}

/**
 * Puts values into the one form that every check reads: a lone item becomes a list of one; a list written as a mapping
 * by name, or the other way round, is reported and then read as what was meant. Changes `root`.
 */
export function normalise(root: RawMap, shape: Shape): Normalised {
  const findings: Finding[] = []
  const moves: Moved[] = []
  walk(root, shape, [], { findings, moves })
  return {
    findings,
    rewrite(finding) {
      if (moves.length === 0) return finding
      const path = writtenPath(finding.path, moves)
      return path === finding.path ? finding : { ...finding, path }
    }
  }
}

interface Notes {
  readonly findings: Finding[]
  readonly moves: Moved[]
}

function walk(map: RawMap, shape: Shape, path: Path, notes: Notes): void {
  for (const key of Object.keys(map)) {
    const inner = shape.keys.get(key) ?? shape.values
    if (inner === undefined || !matters(inner)) continue
    const here = [...path, key]
    const value = formed(map[key]!, inner, here, notes)
    map[key] = value
    if (Array.isArray(value) && inner.item !== undefined) {
      for (const [index, item] of (value as readonly Raw[]).entries()) {
        if (isMap(item)) walk(item, inner.item, [...here, index], notes)
      }
    } else if (isMap(value)) walk(value, inner, here, notes)
  }
}

function matters({ item, keys, values }: Shape): boolean {
  return item !== undefined || keys.size > 0 || values !== undefined
}

function formed(value: Raw, shape: Shape, path: Path, notes: Notes): Raw {
  const { item } = shape
  if (Array.isArray(value)) {
    return item === undefined && shape.values !== undefined && shape.keys.size === 0
      ? (byName(value as readonly Raw[], path, notes) ?? value)
      : value
  }
  if (item === undefined || value === null) return value
  if (!isMap(value) || value instanceof EnvText) return shape.loneScalar ? [value] : value
  if (shape.keys.size > 0) return value
  return listed(value, item, path, notes) ?? [value]
}

/** `listeners: { web: { … }, api: { … } }` as the list that was meant; undefined when it is a lone item. */
function listed(map: RawMap, item: Shape, path: Path, notes: Notes): Raw[] | undefined {
  const names = Object.keys(map)
  if (names.length === 0 || item.keys.size === 0 || names.some((name) => item.keys.has(name)))
    return undefined
  if (!names.every((name) => isMap(map[name]))) return undefined
  const key = String(path.at(-1))
  const named = item.keys.has('name') ? `- name: ${names[0]!}` : '- '
  notes.findings.push(
    errorAt(path, `"${key}" is a list, not a mapping by name; write "${named}" and its keys below it`, 'key')
  )
  notes.moves.push({ path, written: new Map(names.map((name, index) => [index, name])) })
  return names.map((name) => {
    const inner = map[name] as RawMap
    if (item.keys.has('name')) inner['name'] ??= name
    return inner
  })
}

/** `pools: [{ name: web, … }]` as the mapping that was meant; undefined when there are no names in it. */
function byName(list: readonly Raw[], path: Path, notes: Notes): RawMap | undefined {
  const result = Object.create(null) as RawMap
  const written = new Map<string | number, string | number>()
  for (const [index, item] of list.entries()) {
    if (!isMap(item)) return undefined
    const [only] = Object.keys(item)
    const lone = Object.keys(item).length === 1 && isMap(item[only!])
    const name = lone ? only! : item['name']
    if (typeof name !== 'string' || Object.hasOwn(result, name)) return undefined
    if (lone) result[name] = item[name]!
    else {
      result[name] = item
      delete item['name']
    }
    written.set(name, index)
  }
  if (written.size === 0) return undefined
  const [first] = written.keys()
  const message = `"${pathText(path)}" is a mapping by name, not a list; write "${first!}:" and its keys below it`
  notes.findings.push(errorAt(path, message, 'key'))
  notes.moves.push({ path, written })
  return result
}

function writtenPath(path: Path, moves: readonly Moved[]): Path {
  let result = path
  for (const { path: place, written } of moves) {
    const part = path[place.length]
    if (part === undefined || !place.every((each, index) => each === path[index])) continue
    const before = written.get(part)
    if (before !== undefined) result = result.with(place.length, before)
  }
  return result
}
