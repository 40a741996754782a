import { EnvText } from '../environment/env-text.ts'
import { foreignKey } from '../report/foreign-keys.ts'
import { isNear, nearest, suggestion, synonymOf } from '../report/nearest.ts'
import { errorAt, type Finding, type Path, pathText } from '../report/problem.ts'
import { isMap, type Raw, type RawMap } from '../raw.ts'
import { otherPlace } from './key-places.ts'
import type { Shape } from './leaf/shape.ts'
import { liftSections } from './lift.ts'

/** A value whose path after normalising differs from its path in the file. */
interface Moved {
  readonly now: Path
  readonly written: Path
}

/** The normalised values, and where each part is in the file. */
export interface Normalised {
  readonly findings: readonly Finding[]
  /** The finding with the path as in the file. */
  rewrite(finding: Finding): Finding
}

/**
 * Converts values to the one form that all checks read: a single item becomes a list of one; a list written as a
 * mapping by name, or the reverse, is reported and then read as meant. Changes `root`.
 */
export function normalise(root: RawMap, shape: Shape): Normalised {
  const findings: Finding[] = []
  const moves: Moved[] = []
  for (const { finding, ...move } of liftSections(root, shape)) {
    findings.push(finding)
    moves.push(move)
  }
  walk(root, shape, [], { root: shape, findings, moves })
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
  readonly root: Shape
  readonly findings: Finding[]
  readonly moves: Moved[]
}

function walk(map: RawMap, shape: Shape, path: Path, notes: Notes): void {
  if (shape.values !== undefined && shape.keys.size === 0) {
    takeIn(map, shape.values, path, notes)
    nameIt(map, shape.values, path, notes)
  }
  for (const key of Object.keys(map)) if (!shape.keys.has(key)) rename(map, key, shape, path, notes)
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

/** `web:` without content, followed by `backends:` in the same column: the keys after it should be indented further. */
function takeIn(map: RawMap, inner: Shape, path: Path, notes: Notes): void {
  const empty = Object.keys(map).filter((name) => map[name] === null)
  const stray = Object.keys(map).filter((name) => inner.keys.has(name) && map[name] !== null)
  const [name] = empty
  if (name === undefined || empty.length > 1 || stray.length === 0) return
  const taken = Object.create(null) as RawMap
  for (const key of stray) {
    taken[key] = map[key]!
    delete map[key]
    notes.moves.push({ now: [...path, name, key], written: [...path, key] })
  }
  map[name] = taken
  const message = `"${stray[0]!}" is beside "${name}" and not in it; indent it further`
  notes.findings.push(errorAt([...path, name, stray[0]!], message, 'key'))
}

/** `caches: { maxBytes: 64mb }` and `pools: { backends: […] }`: the name of the one is missing. */
function nameIt(map: RawMap, inner: Shape, path: Path, notes: Notes): void {
  const keys = Object.keys(map)
  // A pool may have the name of a key.
  if (keys.length === 0 || !keys.every((key) => inner.keys.has(key) && !named(map[key]!, inner))) return
  const name = 'main'
  const taken = Object.create(null) as RawMap
  for (const key of keys) {
    taken[key] = map[key]!
    delete map[key]
    notes.moves.push({ now: [...path, name, key], written: [...path, key] })
  }
  map[name] = taken
  const message = `the name is missing: write { NAME: { ${keys[0]!}: … } } under "${String(path.at(-1))}", and the name where it is used`
  notes.findings.push(errorAt([...path, name, keys[0]!], message, 'key'))
}

function named(value: Raw, inner: Shape): boolean {
  return isMap(value) && Object.keys(value).some((key) => inner.keys.has(key))
}

/** Reports a misspelt key and then reads it as meant, so that its value causes no further messages. */
function rename(map: RawMap, key: string, shape: Shape, path: Path, notes: Notes): void {
  if (shape.keys.size === 0 || shape.values !== undefined || shape.explained.has(key)) return
  const known = [...shape.keys.keys()]
  const meant = nearest(key, known)
  if (meant === undefined || Object.hasOwn(map, meant)) return
  // Similar only in spelling, and known from other programs: `limit_req` is not a misspelling of `limits`.
  if (synonymOf(key, known) === undefined && foreignKey(key, known) !== undefined) return
  // A key of another place: `maxConnections` of a backend is not a misspelling of `connections` of a pool.
  if (
    synonymOf(key, known) === undefined &&
    !isNear(key, meant) &&
    otherPlace(path, key, notes.root) !== undefined
  )
    return
  map[meant] = map[key]!
  delete map[key]
  notes.findings.push(errorAt([...path, meant], `unknown key "${key}"${suggestion(key, known)}`, 'key'))
  notes.moves.push({ now: [...path, meant], written: [...path, key] })
}

function matters({ item, keys, values }: Shape): boolean {
  return item !== undefined || keys.size > 0 || values !== undefined
}

function formed(value: Raw, shape: Shape, path: Path, notes: Notes): Raw {
  const { item } = shape
  if (Array.isArray(value)) {
    const one = oneItem(value as readonly Raw[], path, notes)
    if (one !== undefined) return one
    return item === undefined && shape.values !== undefined && shape.keys.size === 0
      ? (byName(value as readonly Raw[], path, notes) ?? value)
      : value
  }
  if (item === undefined || value === null) return value
  if (!isMap(value) || value instanceof EnvText) return shape.loneScalar ? [value] : value
  if (shape.keys.size > 0) return isLoneItem(value, shape, item) ? [value] : value
  return listed(value, item, path, notes) ?? [value]
}

/** Lists whose items always have several keys. */
const OF_SEVERAL = new Set(['listeners', 'certificates', 'tests', 'sni', 'split'])

/** `- bind: …`, `- mode: …`, `- pool: …`: a dash before each key of what was to be one item. */
function oneItem(list: readonly Raw[], path: Path, notes: Notes): Raw[] | undefined {
  if (list.length < 2 || !OF_SEVERAL.has(String(path.at(-1)))) return undefined
  const result = Object.create(null) as RawMap
  const moves: Moved[] = []
  for (const [index, item] of list.entries()) {
    const [key, more] = isMap(item) ? Object.keys(item) : []
    if (key === undefined || more !== undefined || Object.hasOwn(result, key)) return undefined
    result[key] = (item as RawMap)[key]!
    moves.push({ now: [...path, 0, key], written: [...path, index, key] })
  }
  const message =
    'each dash begins another item; keep that of the first key, and indent the others as far as that key'
  notes.findings.push(errorAt([...path, 1], message, 'key'))
  notes.moves.push(...moves)
  return [result]
}

/**
 * `auth: { basic: … }`, where a list or a mapping of other keys is allowed: if all keys are those of an item, it is a
 * single item.
 */
function isLoneItem(map: RawMap, shape: Shape, item: Shape): boolean {
  const keys = Object.keys(map)
  return keys.some((key) => item.keys.has(key)) && !keys.some((key) => shape.keys.has(key))
}

/** `listeners: { web: { … }, api: { … } }` as the list that was meant; undefined when it is a single item. */
function listed(map: RawMap, item: Shape, path: Path, notes: Notes): Raw[] | undefined {
  const names = Object.keys(map)
  if (names.length === 0 || item.keys.size === 0 || names.some((name) => item.keys.has(name)))
    return undefined
  const plain = names.every((name) => typeof map[name] === 'string') && item.keys.has('address')
  if (!plain && !names.every((name) => isMap(map[name]))) return undefined
  const key = String(path.at(-1))
  const named = item.keys.has('name') ? `- name: ${names[0]!}` : '- '
  const rest = plain
    ? `\`- { name: ${names[0]!}, address: "${String(map[names[0]!])}" }\``
    : `"${named}" and its keys below it`
  notes.findings.push(errorAt(path, `"${key}" is a list, not a mapping by name; write ${rest}`, 'key'))
  for (const [index, name] of names.entries())
    notes.moves.push({ now: [...path, index], written: [...path, name] })
  return names.map((name) => {
    const inner = plain
      ? Object.assign(Object.create(null) as RawMap, { address: map[name]! })
      : (map[name] as RawMap)
    if (item.keys.has('name')) inner['name'] ??= name
    return inner
  })
}

/** `pools: [{ name: web, … }]` as the mapping that was meant; undefined when the items have no names. */
function byName(list: readonly Raw[], path: Path, notes: Notes): RawMap | undefined {
  const result = Object.create(null) as RawMap
  const moves: Moved[] = []
  for (const [index, item] of list.entries()) {
    if (!isMap(item)) return undefined
    const [only] = Object.keys(item)
    const lone = Object.keys(item).length === 1 && isMap(item[only!])
    const name = lone ? only! : item['name']
    if (typeof name !== 'string' || Object.hasOwn(result, name)) return undefined
    result[name] = lone ? item[name]! : item
    moves.push({ now: [...path, name], written: lone ? [...path, index, name] : [...path, index] })
  }
  const [first] = Object.keys(result)
  if (first === undefined) return undefined
  for (const value of Object.values(result)) if (isMap(value)) delete value['name']
  const message = `"${pathText(path)}" is a mapping by name, not a list; write "${first}:" and its keys below it`
  notes.findings.push(errorAt(path, message, 'key'))
  notes.moves.push(...moves)
  return result
}

/** Undo the moves in reverse order: a later path includes the effect of earlier moves. */
function writtenPath(path: Path, moves: readonly Moved[]): Path {
  let result = path
  for (const { now, written } of moves.toReversed()) {
    if (now.length <= result.length && now.every((part, index) => part === result[index]))
      result = [...written, ...result.slice(now.length)]
  }
  return result
}
