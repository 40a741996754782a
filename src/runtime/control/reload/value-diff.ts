import { maskAt } from '../../../admin/api/mask.ts'
import { sizeText } from '../../../config/units.ts'
import { durationText } from '../../../core/duration-text.ts'
import { same } from '../../plane/same.ts'

/** The most differences to report per listener or pool; further ones are counted. */
const MAX_SHOWN = 6
const MAX_TEXT = 40

/**
 * The differences between two parts of a configuration, in the form of the file: `timeouts.idle 60s -> 30s`. Lists of
 * named items are compared by name. `skip`: keys that are reported elsewhere.
 */
export function valueDiff(before: object, after: object, skip: readonly string[] = []): string[] {
  const found: string[] = []
  compare(before, after, '', skip, found)
  const shown = withoutInherited(found)
  const rest = shown.length - MAX_SHOWN
  return rest > 0 ? [...shown.slice(0, MAX_SHOWN), `and ${rest} more`] : shown
}

/** A setting that routes inherit from their listener is reported once. */
function withoutInherited(found: readonly string[]): string[] {
  const own = new Set(found.filter((line) => !line.startsWith('routes.')))
  return found.filter((line) => {
    const key = line.indexOf(' ')
    const parts = line.slice(0, key).split('.')
    const inherited =
      parts[0] === 'routes' &&
      parts.some((_, index) => own.has(parts.slice(index + 1).join('.') + line.slice(key)))
    return !inherited
  })
}

function compare(
  before: unknown,
  after: unknown,
  path: string,
  skip: readonly string[],
  found: string[]
): void {
  if (same(before, after)) return
  const [was, is] = [entriesOf(before), entriesOf(after)]
  if (was === undefined || is === undefined) {
    found.push(
      `${path} ${text(path, before)} -> ${text(path, after)}`.replaceAll(
        /(?<=[a-z])(?:Ms|PerSecond)(?= )/g,
        ''
      )
    )
    return
  }
  if (was.size === 1 && is.size === 1 && was.has('') && is.has(''))
    return compare(was.get(''), is.get(''), path, skip, found)
  for (const key of new Set([...was.keys(), ...is.keys()])) {
    if (path === '' && skip.includes(key)) continue
    compare(was.get(key), is.get(key), joined(path, key), skip, found)
  }
}

function joined(path: string, key: string): string {
  // Paths of the model are reported in the form of the file.
  const name = key === 'binds' ? 'bind' : key
  if (name === 'action' || name === 'stages') return path
  return path === '' ? name : `${path.replace(/Ms$/, '')}.${name}`
}

/** The members of a mapping, or of a list whose items have names; undefined for a plain value. */
function entriesOf(value: unknown): Map<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value))
    return 'kind' in value && 'text' in value ? undefined : new Map(Object.entries(value))
  const items = value as readonly unknown[]
  const names = items.map((item) =>
    typeof item === 'object' && item !== null && 'name' in item ? String(item.name) : undefined
  )
  // A list of one is reported without brackets, as it may be written.
  if (items.length === 1 && names[0] === undefined && entriesOf(items[0]) !== undefined)
    return new Map([['', items[0]]])
  if (items.length === 0 || names.includes(undefined) || new Set(names).size < names.length) return undefined
  return new Map(items.map((item, index) => [names[index]!, item]))
}

/** Keys of stages whose values are milliseconds after parsing. */
const TIMES = /(?:^|\.)(?:per|timeout|session|skew|cache|ttl|time|interval)$/

/** Secrets are masked: readers of the plan may not be allowed to see them. */
function text(path: string, value: unknown): string {
  return shownText(path, maskAt(path.split('.'), value))
}

function shownText(path: string, value: unknown): string {
  if (value === undefined) return 'none'
  if (typeof value === 'number' && path.endsWith('Ms')) return value === 0 ? '0s' : durationText(value)
  if (typeof value === 'number' && value > 0 && TIMES.test(path)) return durationText(value)
  if (typeof value === 'number' && /Bytes$/.test(path)) return sizeText(value)
  if (typeof value === 'number' && /PerSecond$/.test(path)) return `${value}/s`
  if (typeof value === 'object' && value !== null && 'text' in value) return String(value.text)
  if (Array.isArray(value)) return clip(`[${value.map((item) => shownText('', item)).join(', ')}]`)
  if (typeof value === 'object' && value !== null) return mappingText(Object.entries(value))
  return clip(typeof value === 'string' ? value : JSON.stringify(value))
}

/** `{ maxBytes: 20mb, maxObjectBytes: 1mb, … }`: as in the file, as many as there is room for. */
function mappingText(entries: readonly [key: string, value: unknown][]): string {
  let shown = ''
  // What it is called is shown before it.
  for (const [key, value] of entries.filter(([key, value]) => key !== 'name' && value !== undefined)) {
    const member = `${key.replace(/(?:Ms|PerSecond)$/, '')}: ${shownText(key, value)}`
    if (shown !== '' && shown.length + member.length > MAX_TEXT) return `{ ${shown}, … }`
    shown += shown === '' ? member : `, ${member}`
  }
  return shown === '' ? '{}' : `{ ${shown} }`
}

function clip(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
}
