import type { BackendView, InfoView, ListenerView, PoolView } from '../../admin/control-plane.ts'
import { rateText, renderListeners } from './listener-table.ts'
import { renderTable } from './table.ts'
import type { Color, Column } from './table.ts'

interface Row {
  readonly pool: PoolView
  readonly backend: BackendView
  readonly now: number
}

/** Ranked so that 80 columns show the most important facts, and 200 all of them. */
const columns: readonly Column<Row>[] = [
  { header: 'POOL', rank: 0, min: 8, middle: true, text: ({ pool }) => pool.name },
  { header: 'BACKEND', rank: 0, min: 12, middle: true, text: ({ backend }) => backend.name },
  {
    header: 'STATE',
    rank: 0,
    text: ({ backend }) => stateWord(backend),
    color: ({ backend }) => stateColor(backend)
  },
  { header: 'FAILS', rank: 3, align: 'right', text: ({ backend }) => String(backend.failures) },
  { header: 'ACTIVE', rank: 1, align: 'right', text: ({ backend }) => String(backend.active) },
  {
    header: 'REQ/S',
    rank: 5,
    align: 'right',
    text: ({ backend }) => (backend.perSecond < 1 ? '' : rateText(backend.perSecond))
  },
  { header: 'LAST HEALTHY', rank: 4, align: 'right', text: ({ backend, now }) => lastHealthy(backend, now) },
  {
    header: 'PROBE',
    rank: 13,
    align: 'right',
    text: ({ backend }) => (backend.probe === undefined ? '' : formatMs(backend.probe.latencyMs)),
    color: ({ backend }) => (backend.probe?.result === 'fail' ? 'red' : 'none')
  },
  { header: 'WEIGHT', rank: 11, align: 'right', text: ({ backend }) => weightOf(backend) },
  { header: 'OPEN', rank: 14, align: 'right', text: ({ backend }) => String(backend.open) },
  { header: 'REQUESTS', rank: 12, align: 'right', text: ({ backend }) => String(backend.requests) },
  { header: 'FAILED', rank: 17, align: 'right', text: ({ backend }) => String(backend.failedRequests) },
  {
    header: 'SINCE',
    rank: 16,
    align: 'right',
    text: ({ backend, now }) =>
      backend.since === undefined ? '' : formatAge(now - Date.parse(backend.since))
  },
  {
    header: 'ADDRESS',
    rank: 10,
    text: ({ backend }) => (backend.address === backend.name ? '' : backend.address)
  },
  {
    header: 'REASON',
    rank: 2,
    min: 16,
    text: ({ backend, now }) => reasonOf(backend, now),
    below: ({ backend, now }) => reasonAt(backend, now)
  }
]

/** `1.2/3`: in slow start it counts for 1.2 of its weight 3. */
function weightOf({ weight, effectiveWeight, usable }: BackendView): string {
  return usable && effectiveWeight > 0 && effectiveWeight < weight
    ? `${Number(effectiveWeight.toFixed(2))}/${weight}`
    : String(weight)
}

/** The whole output: a line about the process, a line per listener, a line per backend. */
export function renderStatus(
  info: InfoView,
  listeners: readonly ListenerView[],
  pools: readonly PoolView[],
  options: { readonly width: number; readonly color: boolean; readonly now: number }
): string[] {
  const rows = pools.flatMap((pool) => pool.backends.map((backend) => ({ pool, backend, now: options.now })))
  return [
    title(info, options.width),
    ...redisLine(info),
    ...pools.flatMap((pool) => warnings(pool)),
    ...renderListeners(listeners, options),
    '',
    ...(rows.length === 0 ? ['no backends'] : renderTable(columns, rows, options.width, options.color))
  ]
}

function title(info: InfoView, width: number): string {
  const parts = [
    `lb ${info.version}`,
    ...(info.state === 'draining' ? ['draining'] : []),
    `up ${formatAge(info.uptimeSeconds * 1e3)}`,
    info.workers === 1 ? '1 worker' : `${info.workers} workers`,
    `pid ${info.pid}`,
    ...(info.configFile === undefined ? [] : [info.configFile])
  ]
  while (parts.length > 1 && parts.join(' · ').length > width) parts.pop()
  return parts.join(' · ')
}

function redisLine({ redis }: InfoView): string[] {
  if (redis === undefined) return []
  const { place, up, threads } = redis
  if (threads === 0) return [`redis ${place}: not used`]
  if (up === threads) return [`redis ${place}: up`]
  return [`redis ${place}: ${up === 0 ? 'not reachable' : `reached by ${up} of ${threads} threads`}`]
}

function warnings(pool: PoolView): string[] {
  const { discovery, name } = pool
  const source =
    discovery?.error === undefined ? [] : [`pool ${name}: ${discovery.source} fails: ${discovery.error}`]
  return [...source, ...loadWarnings(pool)]
}

function loadWarnings({ name, panic, usable, queue }: PoolView): string[] {
  if (panic) return [`pool ${name}: too few healthy backends, health is ignored`]
  if (usable === 0) return [`pool ${name}: no usable backend`]
  if (queue.waiting > 0) return [`pool ${name}: ${queue.waiting} waiting for a free backend`]
  return []
}

/** The operator's state first, then health. */
export function stateWord(backend: BackendView): string {
  const words: string[] = []
  if (backend.admin !== 'ready') words.push(backend.admin)
  if (backend.state === 'down') words.push('down')
  else if (backend.ejected) words.push('ejected')
  else if (backend.breaker !== 'closed') words.push(backend.breaker === 'open' ? 'breaker' : 'trial')
  if (words.length > 0) return words.join(' ')
  if (backend.state === 'up') return 'up'
  return backend.probe === undefined ? 'no check' : 'unknown'
}

function stateColor(backend: BackendView): Color {
  if (backend.state === 'down' || backend.ejected || backend.breaker === 'open') return 'red'
  if (backend.admin !== 'ready' || backend.breaker === 'half-open') return 'yellow'
  return backend.state === 'up' ? 'green' : 'none'
}

/** `sessions for 2h more, 12 left`: the clients with its cookie that came within the last ten minutes. */
export function sessionsText(sessions: NonNullable<BackendView['sessions']>, now: number): string {
  const { until, holders } = sessions
  return `sessions for ${formatAge(Date.parse(until) - now)} more, ${holders} left`
}

function reasonOf(backend: BackendView, now: number): string {
  if (backend.sessions !== undefined) return sessionsText(backend.sessions, now)
  const healthy = backend.state !== 'down' && !backend.ejected && backend.breaker === 'closed'
  if (healthy && backend.admin === 'ready') return backend.backup ? 'backup' : ''
  return backend.reason ?? (backend.state === 'down' ? (backend.probe?.reason ?? '') : '')
}

/** When it does not fit into the row, it is shown below. */
function reasonAt(backend: BackendView, now: number): string {
  const reason = reasonOf(backend, now)
  return reason === '' || backend.address === backend.name ? reason : `${backend.address}: ${reason}`
}

function lastHealthy(backend: BackendView, now: number): string {
  if (backend.lastHealthyAt !== undefined) return `${formatAge(now - Date.parse(backend.lastHealthyAt))} ago`
  return backend.probe === undefined ? '' : 'never'
}

/** One unit is enough: `0s`, `42s`, `5m`, `3h`, `12d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1e3))
  if (seconds < 120) return `${seconds}s`
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

function formatMs(ms: number): string {
  if (ms >= 1_000) return `${(ms / 1e3).toFixed(1)} s`
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`
}
