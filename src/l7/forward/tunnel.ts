import { splice, type Held, type Splice, type SpliceEnd } from '../../l4/tcp/splice.ts'
import type { ByteStream } from '../../net/transport/byte-stream.ts'
import type { EngineContext } from '../exchange/engine-context.ts'

/**
 * Joins both sides of an exchange that switched protocols (RFC 9110 §7.8). `rest`: what the backend sent behind its 101;
 * `held`: what the client sent behind its request.
 */
export function openTunnel(
  context: EngineContext,
  timeouts: { readonly tunnelMs: number; readonly idleMs: number },
  downstream: ByteStream,
  upstream: ByteStream,
  rest: Buffer,
  held: Held,
  onEnd: (end: SpliceEnd) => void
): Splice {
  if (rest.length > 0) downstream.sendOwned(rest)
  const options = {
    deadlines: context.deadlines,
    idleMs: timeouts.tunnelMs,
    halfCloseMs: timeouts.idleMs,
    counters: { in: context.bytesIn, out: context.bytesOut }
  }
  return splice(downstream, upstream, options, onEnd, held)
}
