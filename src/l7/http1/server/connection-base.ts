import type { L7ListenerConfig } from '../../../config/model/model.ts'
import type { Transport } from '../../../net/transport/transport.ts'
import type { ResponseWriter } from '../write/message-writer.ts'
import { ClientWatch } from './client-watch.ts'
import type { DownstreamHost } from './downstream-host.ts'
import type { Lingering } from './lingering.ts'

/** A client's connection: how bodies are written, the timeouts in force, and who watches the client. */
export abstract class ConnectionBase {
  abstract readonly transport: Transport
  protected abstract readonly host: DownstreamHost
  protected abstract readonly writer: ResponseWriter
  /** The connection ends after the response under way. */
  protected closes = false
  /** A client that sends small requests and reads their responses at once needs none. */
  protected watched: ClientWatch | undefined

  protected get timeouts(): L7ListenerConfig['timeouts'] {
    return this.host.snapshot.config.timeouts
  }

  protected get now(): number {
    return this.host.context.deadlines.now
  }

  protected get watch(): ClientWatch {
    return (this.watched ??= new ClientWatch(this.host, this.transport, this.writer))
  }

  /** The deadline while nothing is awaited from the client. */
  protected get restDeadline(): number {
    return this.watched?.halfClosed?.lookAt ?? Infinity
  }

  /** The rest of a request is awaited that has been answered. */
  protected get rests(): boolean {
    return (this.watched?.restUntil ?? 0) > 0
  }

  /** When to call it again; the connection may be closed. */
  protected lingerOn(lingers: Lingering): number {
    const hurries = this.host.context.draining || this.watched?.gaveUp === true
    return lingers.look(this.timeouts.idleMs, hurries, this.now)
  }

  closeAfter(): void {
    this.closes = true
  }

  sendText(text: string): void {
    this.writer.bodyText(text)
  }

  sendOwned(bytes: Buffer): void {
    this.writer.body(bytes, 0, bytes.length)
  }

  sendLent(bytes: Buffer): boolean {
    // When other data waits already, queue a copy of just these bytes, not the whole buffer that contains them.
    if (this.transport.pending > 0) bytes = Buffer.from(bytes)
    this.writer.body(bytes, 0, bytes.length)
    return this.transport.pending === 0
  }

  protected cutResponse(): void {
    this.writer.flush()
    // When a body lasts until the connection closes, only a reset shows that it is incomplete.
    if (this.writer.untilClose) this.transport.reset()
    else this.transport.destroy()
  }
}
