import { own } from '../../../core/own.ts'
import type { Config, ListenerConfig, PoolConfig } from '../../../config/model/model.ts'
import { addedItems } from '../../../balancer/table/list-edits.ts'
import { renamedListeners } from '../../plane/renamed-listeners.ts'
import { same, samePool } from '../../plane/same.ts'
import { valueDiff } from './value-diff.ts'

export interface ConfigDiff {
  readonly listeners: readonly ListenerDiff[]
  readonly pools: readonly PoolDiff[]
  /** Changed parts of the file outside of listeners and pools that take effect. */
  readonly others: readonly string[]
  /** Parts that need a restart. */
  readonly ignored: readonly string[]
}

export interface ListenerDiff {
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed' | 'unchanged'
  /** Keys of the configuration that differ, and their values. */
  readonly keys: readonly string[]
  readonly values: readonly string[]
  readonly binds: readonly string[]
  /** Of a removed one: the listener that has its addresses now. */
  readonly renamed?: string | undefined
}

export interface PoolDiff {
  readonly name: string
  readonly change: 'added' | 'removed' | 'changed' | 'unchanged'
  readonly values: readonly string[]
  readonly added: number
  readonly removed: number
  /** Same name and address, but another weight, limit or role. */
  readonly altered: number
  readonly size: number
}

const reloadable = ['shutdown', 'log', 'admin', 'caches', 'plugins', 'redis'] as const
const fixed = ['workers', 'user'] as const

/** What a reload from `before` to `after` does. Pure. */
export function diffConfigs(before: Config, after: Config): ConfigDiff {
  const renamed = renamedListeners(before.listeners, after.listeners)
  return {
    listeners: diffNamed(before.listeners, after.listeners).map(({ name, before, after }) => {
      const change = changeOf(before, after)
      const binds = (after ?? before)!.binds.map(({ text }) => text)
      const changed = change === 'changed'
      const keys = changed ? keysThatDiffer(before!, after!) : []
      const values = changed ? valueDiff(before!, after!) : []
      return { name, change, keys, values, binds, renamed: renamed.get(name) }
    }),
    pools: diffNamed(Object.values(before.pools), Object.values(after.pools)).map(diffPool),
    others: reloadable
      .filter((key) => !same(before[key], after[key]))
      .map((key) => describeOther(key, before, after)),
    ignored: fixed
      .filter((key) => !same(before[key], after[key]))
      .map((key) => `${key}: ${before[key] ?? 'none'} -> ${after[key] ?? 'none'}`)
  }
}

function describeOther(key: (typeof reloadable)[number], before: Config, after: Config): string {
  const values = valueDiff({ [key]: before[key] }, { [key]: after[key] })
  const line = `${key} changed: ${values.join(', ')}`
  if (key !== 'caches') return line
  const lost = Object.keys(before.caches).filter(
    (name) => !same(own(before.caches, name), own(after.caches, name))
  )
  return lost.length === 0 ? line : `${line}; what ${lost.join(', ')} holds is lost`
}

/** True when a reload would have nothing to do. */
export function isEmpty(diff: ConfigDiff): boolean {
  const changed = ({ change }: { change: string }) => change !== 'unchanged'
  return diff.others.length === 0 && !diff.listeners.some(changed) && !diff.pools.some(changed)
}

/** `connections`: open connections per listener; undefined for a plan. */
export function describeDiff(diff: ConfigDiff, connections?: ReadonlyMap<string, number>): string[] {
  const lines = diff.listeners.map((listener) => describeListener(listener, connections))
  const unchanged = diff.pools.filter(({ change }) => change === 'unchanged')
  for (const pool of diff.pools) if (pool.change !== 'unchanged') lines.push(describePool(pool))
  if (unchanged.length === 1) lines.push(`pool ${unchanged[0]!.name} unchanged`)
  else if (unchanged.length > 1) lines.push(`${unchanged.length} pools unchanged`)
  lines.push(...diff.others)
  for (const text of diff.ignored) lines.push(`${text} needs a restart; the old value stays`)
  return lines
}

function describeListener(
  { name, change, keys, values, binds, renamed }: ListenerDiff,
  connections: ReadonlyMap<string, number> | undefined
): string {
  const count = connections?.get(name) ?? 0
  const withFate = (fate: string) =>
    connections === undefined ? '' : ` (${count} connection${count === 1 ? '' : 's'} ${fate})`
  switch (change) {
    case 'added':
      return `listener ${name} added: ${binds.join(', ')}`
    case 'removed':
      if (renamed === undefined) return `listener ${name} removed${withFate('draining')}`
      return `listener ${name} is ${renamed} now${withFate('kept')}`
    case 'unchanged':
      return `listener ${name} unchanged${withFate('kept')}`
    case 'changed':
      // An engine of one mode cannot take over connections of the other.
      return `listener ${name} changed: ${values.join(', ')}${withFate(keys.includes('mode') ? 'draining' : 'kept')}`
  }
}

function describePool({ name, change, values, added, removed, altered, size }: PoolDiff): string {
  if (change === 'added') return `pool ${name} added: ${plural(size)}`
  if (change === 'removed') return `pool ${name} removed: ${plural(size)} draining`
  const parts: string[] = []
  if (added > 0) parts.push(`+${plural(added)}`)
  if (removed > 0) parts.push(`-${removed} draining`)
  if (altered > 0) parts.push(`${plural(altered)} altered`)
  parts.push(...values)
  return `pool ${name}: ${parts.join(', ') || 'backends reordered'}`
}

function diffPool({ name, before, after }: Named<PoolConfig>): PoolDiff {
  const changed = before === undefined || after === undefined || !samePool(before, after)
  const change = changed
    ? before === undefined
      ? 'added'
      : after === undefined
        ? 'removed'
        : 'changed'
    : 'unchanged'
  const size = (after ?? before)!.backends.length
  if (change !== 'changed') return { name, change, values: [], added: 0, removed: 0, altered: 0, size }
  // What stands in both lists as the same object need not be looked at.
  const was = byIdentity(addedItems(after!.backends, before!.backends))
  const is = byIdentity(addedItems(before!.backends, after!.backends))
  let added = 0
  let altered = 0
  for (const [key, backend] of is) {
    const old = was.get(key)
    if (old === undefined) added++
    else if (!same(old, backend)) altered++
  }
  let removed = 0
  for (const key of was.keys()) if (!is.has(key)) removed++
  return {
    name,
    change,
    values: valueDiff({ ...before!, backends: [] }, { ...after!, backends: [] }),
    added,
    removed,
    altered,
    size
  }
}

/** The same identity as in the slot registry: a backend with another address is another backend. */
function byIdentity(backends: PoolConfig['backends']): Map<string, PoolConfig['backends'][number]> {
  return new Map(backends.map((backend) => [`${backend.name}\n${backend.address.text}`, backend]))
}

interface Named<T> {
  readonly name: string
  readonly before: T | undefined
  readonly after: T | undefined
}

/** In the order of the new configuration, then removed ones. */
function diffNamed<T extends ListenerConfig | PoolConfig>(
  before: readonly T[],
  after: readonly T[]
): Named<T>[] {
  const was = new Map(before.map((part) => [part.name, part]))
  const named: Named<T>[] = after.map((part) => ({
    name: part.name,
    before: was.get(part.name),
    after: part
  }))
  const is = new Set(after.map(({ name }) => name))
  for (const part of before)
    if (!is.has(part.name)) named.push({ name: part.name, before: part, after: undefined })
  return named
}

function changeOf(before: object | undefined, after: object | undefined): ListenerDiff['change'] {
  if (before === undefined) return 'added'
  if (after === undefined) return 'removed'
  return same(before, after) ? 'unchanged' : 'changed'
}

function keysThatDiffer(before: object, after: object): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].filter((key) => !same(Reflect.get(before, key), Reflect.get(after, key)))
}

function plural(count: number): string {
  return `${count} backend${count === 1 ? '' : 's'}`
}
