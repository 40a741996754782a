import type { Path } from '../report/problem.ts'
import type { Shape } from './leaf/shape.ts'

const places = new WeakMap<Shape, ReadonlyMap<string, readonly string[]>>()

/** Where each key of the file is allowed, in words, beginning with the place nearest to the top. */
function keyPlaces(root: Shape): ReadonlyMap<string, readonly string[]> {
  const known = places.get(root)
  if (known !== undefined) return known
  const found = new Map<string, string[]>()
  const seen = new Set<Shape>()
  let level: { shape: Shape; place: string }[] = [{ shape: root, place: '' }]
  while (level.length > 0) {
    const next: typeof level = []
    for (const { shape, place } of level) {
      if (seen.has(shape)) continue
      seen.add(shape)
      for (const [key, inner] of shape.keys) {
        const others = found.get(key)
        if (others === undefined) found.set(key, [place])
        else if (MAIN.test(place) && MAIN.test(others[0]!) && !others.includes(place)) others.push(place)
        next.push(...below(inner, key, place))
      }
    }
    level = next
  }
  places.set(root, found)
  return found
}

/** The name of the mapping under a key: `a pool`, "`limits` of a listener". */
function below(shape: Shape, key: string, place: string): { shape: Shape; place: string }[] {
  const one = shape.item ?? shape.values
  const inner = one ?? shape
  if (inner.keys.size === 0) return []
  if (one !== undefined && /s$/.test(key) && key !== 'headers')
    return [{ shape: one, place: `${/^[aeiou]/.test(key) ? 'an' : 'a'} ${key.slice(0, -1)}` }]
  const word = `\`${key}\``
  return [{ shape: inner, place: place === '' ? word : `${word} of ${place}` }]
}

/** The name of the mapping at a path. */
function placeAt(path: Path, root: Shape): string | undefined {
  let here: { shape: Shape; place: string } | undefined = { shape: root, place: '' }
  for (let index = 0; index < path.length && here !== undefined; index++) {
    const key: string = String(path[index])
    const shape: Shape | undefined = here.shape.keys.get(key)
    if (shape === undefined) return undefined
    here = below(shape, key, here.place)[0]
    if (here !== undefined && (shape.item ?? shape.values) === here.shape) index++
  }
  return here?.place
}

/**
 * The end of a message about an unknown key that is allowed in another place: a well-known place, or one level further
 * in. Undefined: it is allowed nowhere, or only in unrelated places.
 */
export function otherPlace(path: Path, key: string, root: Shape): string | undefined {
  const all = keyPlaces(root).get(key)
  if (all === undefined || AMBIGUOUS.has(key)) return undefined
  const [place] = all as [string]
  if (place === '') return '; it stands at the top of the file'
  const outer = furtherOut(path, key, root)
  if (outer !== undefined) return outer
  const here = placeAt(path, root)
  if (!MAIN.test(place) && (here === undefined || !place.endsWith(here === '' ? '`' : ` of ${here}`)))
    return undefined
  return `; it is a key of ${all.length === 1 ? place : `${all.slice(0, -1).join(', ')} or ${all.at(-1)!}`}`
}

/** A mapping around this one that has the key: `retry` inside of `health` belongs beside it. */
function furtherOut(path: Path, key: string, root: Shape): string | undefined {
  let found: string | undefined
  let shape: Shape | undefined = root
  let place = ''
  for (let index = 0; index < path.length && shape !== undefined; index++) {
    const part = String(path[index])
    if (place !== '' && shape.keys.has(key)) found = `; it is a key of ${place}, beside \`${part}\``
    const inner: Shape | undefined = shape.keys.get(part)
    if (inner === undefined) return found
    const next: { shape: Shape; place: string } | undefined = below(inner, part, place)[0]
    if (next !== undefined && (inner.item ?? inner.values) === next.shape) index++
    shape = next?.shape
    place = next?.place ?? ''
  }
  return found
}

/** Places that users know. */
const MAIN = /^an? (?:listener|route|pool|backend|cache)$/

/** Words with a different meaning in every place. */
const AMBIGUOUS = new Set(['name', 'address', 'store', 'match', 'protocol', 'mode', 'bind'])
