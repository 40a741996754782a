import type { CacheView } from '../../admin/control-plane.ts'
import { bytesText } from './listener-table.ts'
import { renderTable, type Column } from './table.ts'

/** Caches: how much of what is asked they answer, and whether they are large enough. */
const columns: readonly Column<CacheView>[] = [
  { header: 'CACHE', rank: 0, min: 12, middle: true, text: ({ name }) => name },
  { header: 'REQUESTS', rank: 1, align: 'right', text: ({ requests }) => String(all(requests)) },
  { header: 'ANSWERED', rank: 0, align: 'right', text: ({ requests }) => answered(requests) },
  { header: 'STALE', rank: 4, align: 'right', text: ({ requests }) => String(requests.stale) },
  { header: 'BYPASS', rank: 5, align: 'right', text: ({ requests }) => String(requests.bypass) },
  { header: 'ENTRIES', rank: 2, align: 'right', text: ({ entries }) => String(entries) },
  { header: 'USED', rank: 1, align: 'right', text: ({ bytes, maxBytes }) => `${Math.round((100 * bytes) / maxBytes)} %` },
  { header: 'OF', rank: 6, align: 'right', text: ({ maxBytes }) => bytesText(maxBytes) },
  { header: 'STORED', rank: 7, align: 'right', text: ({ stored }) => String(stored) },
  { header: 'EVICTED', rank: 3, align: 'right', text: ({ evicted }) => String(evicted) },
  { header: 'PURGED', rank: 8, align: 'right', text: ({ purged }) => String(purged) },
  {
    header: 'REDIS',
    rank: 2,
    text: ({ redis }) => (redis === undefined ? '' : redis.reachable ? 'up' : 'not reachable'),
    color: ({ redis }) => (redis?.reachable === false ? 'red' : 'none')
  }
] // prettier-ignore

/** A line per cache, counted since the start. */
export function renderCaches(
  caches: readonly CacheView[],
  { width, color }: { readonly width: number; readonly color: boolean }
): string[] {
  return caches.length === 0 ? [] : ['', ...renderTable(columns, caches, width, color)]
}

function all({ hit, stale, revalidated, coalesced, miss, bypass }: CacheView['requests']): number {
  return hit + stale + revalidated + coalesced + miss + bypass
}

/** The share that was answered from the cache, what a backend only confirmed included. */
function answered(requests: CacheView['requests']): string {
  const total = all(requests)
  const { hit, stale, revalidated, coalesced } = requests
  return total === 0 ? '' : `${Math.round((100 * (hit + stale + revalidated + coalesced)) / total)} %`
}
