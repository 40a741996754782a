import type { ListenerView } from '../../admin/control-plane.ts'
import { renderTable, type Column } from './table.ts'

/** Listeners with their traffic per second. */
const columns: readonly Column<ListenerView>[] = [
  { header: 'LISTENER', rank: 0, min: 12, middle: true, text: ({ name }) => name },
  { header: 'KIND', rank: 0, text: ({ mode, protocol, tls }) => `${mode === 'l7' ? 'http' : protocol}${tls ? ' tls' : ''}` },
  { header: 'OPEN', rank: 0, align: 'right', text: ({ open }) => String(open) },
  { header: 'NEW/S', rank: 2, align: 'right', text: ({ perSecond }) => rateText(perSecond.connections) },
  { header: 'REQ/S', rank: 1, align: 'right', text: ({ perSecond }) => optionalRate(perSecond.requests ?? perSecond.datagrams) },
  { header: 'IN/S', rank: 3, align: 'right', text: ({ perSecond }) => bytesText(perSecond.bytesIn) },
  { header: 'OUT/S', rank: 4, align: 'right', text: ({ perSecond }) => bytesText(perSecond.bytesOut) },
  { header: 'REFUSED', rank: 5, align: 'right', text: ({ refused }) => (refused === 0 ? '' : String(refused)) },
  { header: 'TOTAL', rank: 11, align: 'right', text: ({ requests, datagrams, connections }) => String(requests ?? datagrams ?? connections) },
  { header: 'ADDRESS', rank: 6, min: 14, text: ({ binds }) => binds.map(({ address, bound }) => (bound ? address : `${address} (closed)`)).join(' ') },
  { header: 'POOLS', rank: 10, min: 8, text: ({ pools }) => pools.join(' ') }
] // prettier-ignore

/** A line per listener; for UDP, REQ/S counts datagrams. */
export function renderListeners(
  listeners: readonly ListenerView[],
  { width, color }: { readonly width: number; readonly color: boolean }
): string[] {
  return listeners.length === 0 ? [] : ['', ...renderTable(columns, listeners, width, color)]
}

/** Three digits are enough: `0`, `0.3`, `12`, `1.2k`, `35k`. */
export function rateText(perSecond: number): string {
  if (perSecond >= 10_000) return `${Math.round(perSecond / 1e3)}k`
  if (perSecond >= 1_000) return `${(perSecond / 1e3).toFixed(1)}k`
  return perSecond >= 10 || perSecond === 0 ? String(Math.round(perSecond)) : perSecond.toFixed(1)
}

function optionalRate(perSecond: number | undefined): string {
  return perSecond === undefined ? '' : rateText(perSecond)
}

/** `0`, `900 B`, `1.2 kB`, `35 MB`, `1.1 GB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1e3
    unit++
  }
  if (value === 0) return '0'
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}
