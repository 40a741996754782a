import { BackgroundRequest } from './background-request.ts'
import type { Exchange } from './exchange.ts'
import type { Outgoing } from './forward-owner.ts'
import type { CompiledRoute } from './snapshot.ts'

/**
 * Sends a copy of a request to another pool and throws its answer away. Requests with a body are not copied: the copy
 * would have to be gathered or would set the pace of the real one.
 */
export function mirrorRequest(
  exchange: Exchange,
  mirror: NonNullable<CompiledRoute['mirror']>,
  outgoing: Outgoing
): void {
  if (outgoing.framing !== 0 || outgoing.upgrade !== '') return
  if (mirror.share < 1 && exchange.context.random() >= mirror.share) return
  BackgroundRequest.send(mirror.target, outgoing)
}
