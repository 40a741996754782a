import type { ErrorCode } from '../../../core/errors.ts'
import type { Gate, Admission } from '../../../net/admission/gate.ts'
import { localEndpoint, remoteEndpoint, type Endpoint } from '../../../net/dial/endpoint.ts'
import type { Ends } from '../../exchange/client/client-connection.ts'
import type { ProxyHeader } from '../../../net/proxy-protocol/header.ts'
import { ProxyHeaderReader, type ProxyHeaderNext } from '../../../net/proxy-protocol/reader.ts'
import type { Attach } from '../../../net/transport/accept.ts'
import type { Transport, TransportOwner } from '../../../net/transport/transport.ts'
import type { Deadlines } from '../../../core/deadlines.ts'
import type { Refusals } from '../../refusals.ts'
import type { L7Snapshot } from '../../compile/l7-snapshot.ts'

export interface EntranceHost {
  readonly deadlines: Deadlines
  readonly snapshot: Pick<L7Snapshot, 'tls'>
  /** Time for the PROXY header. */
  readonly headerMs: number
  /** `ends` is undefined when they are not known yet; the socket knows them. */
  admitted(transport: Transport, admission: Admission, ends: Ends | undefined, rest: Buffer | undefined): void
  readonly refusals: Pick<Refusals, 'refused'>
}

/**
 * Owns a connection until it is admitted or refused: connection limits, PROXY header, allow and deny. Created only
 * where the listener's configuration has any of them.
 */
export class Entrance implements TransportOwner, ProxyHeaderNext {
  readonly #host: EntranceHost
  readonly #gate: Gate
  readonly #transport: Transport
  readonly #admission: Admission | undefined

  constructor(host: EntranceHost, gate: Gate, attach: Attach) {
    this.#host = host
    this.#gate = gate
    this.#transport = attach(this, host.snapshot.tls !== undefined)
    const admission = (this.#admission = gate.enter())
    if (admission === undefined) {
      this.#refuse('limit', 'LB_CONNECTION_LIMIT', 'maxConnections', undefined)
      return
    }
    const peer = gate.needsAddress ? remoteEndpoint(this.#transport) : undefined
    if (gate.expectsProxyHeader(peer?.address)) {
      new ProxyHeaderReader(this.#transport, host.deadlines, host.headerMs, this)
      return
    }
    this.#admit(admission, peer, undefined, undefined)
  }

  onProxyHeader(header: ProxyHeader, buffer: Buffer, start: number, end: number): void {
    const rest = start < end ? Buffer.from(buffer.subarray(start, end)) : undefined
    const source = header.source ?? remoteEndpoint(this.#transport)
    const destination = header.destination ?? localEndpoint(this.#transport)
    this.#transport.owner = this
    this.#admit(this.#admission!, source, { source, destination }, rest)
  }

  onProxyHeaderFailed(problem: string, gone: boolean): void {
    this.#admission?.leave()
    if (gone) return
    const peer = remoteEndpoint(this.#transport)
    this.#host.refusals.refused('proxy-header', 'LB_PROXY_HEADER', problem, peer)
  }

  onInternalError(): undefined {
    this.#admission?.leave()
    this.#transport.reset()
  }

  // A connection that is refused may still send; its bytes are discarded.
  onData(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onClose(): void {
    this.#admission?.leave()
  }

  #admit(
    admission: Admission,
    client: Endpoint | undefined,
    ends: Ends | undefined,
    rest: Buffer | undefined
  ): void {
    const refusal = this.#gate.admit(client?.address, admission)
    if (refusal === 'denied') return this.#refuse('denied', 'LB_DENIED', 'allow, deny', client)
    if (refusal !== undefined) return this.#refuse('limit', 'LB_CONNECTION_LIMIT', refusal, client)
    this.#host.admitted(this.#transport, admission, ends, rest)
  }

  #refuse(reason: 'limit' | 'denied', code: ErrorCode, cause: string, client: Endpoint | undefined): void {
    this.#host.refusals.refused(reason, code, cause, client)
    this.#transport.reset()
  }
}
