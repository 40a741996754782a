import { clfTime } from '../../core/log/clf-time.ts'
import type { Passage } from './passage.ts'

/**
 * A line as nginx's documentation has it for its `stream` module, with the backend behind it:
 * `client [time] protocol status bytes-out bytes-in seconds "backend"`.
 */
export function streamLine(passage: Passage, endedAt: number): string {
  const { client, protocol, bytesOut, bytesIn, ms, backend } = passage
  const carrier = protocol === 'udp' ? 'UDP' : 'TCP'
  return `${client ?? '-'} [${clfTime(endedAt)}] ${carrier} ${streamStatus(passage)} ${bytesOut} ${bytesIn} ${(ms / 1e3).toFixed(3)} "${backend ?? '-'}"`
}

/** nginx's: 200 for what was relayed, whatever its end; 400 unreadable, 403 denied, 502 nobody reached, 503 a limit. */
function streamStatus({ reason, code, backend }: Passage): number {
  if (reason === 'internal') return 500
  if (reason === 'denied') return 403
  if (reason === 'limit' || reason === 'shutdown') return 503
  if (reason === 'no-backend' || reason === 'unreachable') return code === 'LB_QUEUE_FULL' ? 503 : 502
  if (reason === 'proxy-header' || reason === 'tls' || reason === 'no-sni') return 400
  if (reason === 'client-gone' && backend === undefined) return 400
  return 200
}
