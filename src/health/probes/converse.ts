import type { ProbeConfig } from '../../config/model/model.ts'
import type { Deadlines } from '../../core/deadlines.ts'
import { dial } from '../../net/dial/dial.ts'
import { SocketTransport } from '../../net/transport/socket-transport.ts'
import type { Transport, TransportOwner } from '../../net/transport/transport.ts'
import { ProbeMismatch, type ProbeTarget } from '../probe.ts'
import type { Dialogue, Step } from './dialogue.ts'
import { probeHeader, secureSocket } from './probe-socket.ts'

/** After the goodbye the backend has this long to close; by then it has said what it had to say. */
const GOODBYE_MS = 500
/** What may follow a passed probe before the connection is cut. */
const MOST_AFTER = 64 * 1024

/** The checker keeps the time of a probe: nothing here waits for a deadline of its own. */
const untimed: Pick<Deadlines, 'now' | 'size' | 'add' | 'remove'> = {
  now: 0,
  size: 0,
  add: () => {},
  remove: () => {}
}
const options = { connectTimeoutMs: Infinity, deadlines: untimed, keepAlive: false }

/** Runs a dialogue over a new connection to the backend. It begins with a PROXY header if the pool's connections do. */
export async function converse(
  target: ProbeTarget,
  dialogue: Dialogue,
  signal: AbortSignal,
  { secure = false } = {}
): Promise<string> {
  if (secure) {
    const socket = await secureSocket(target, signal)
    return new Promise<string>((resolve, reject) => {
      const talk = new Conversation(dialogue, resolve, reject)
      talk.transport = SocketTransport.overSocket(socket, talk)
      signal.addEventListener('abort', () => talk.quit(signal.reason as Error), { once: true })
      talk.onConnect()
    })
  }
  return new Promise<string>((resolve, reject) => {
    const talk = new Conversation(dialogue, resolve, reject, target.config)
    talk.transport = dial(target.address, { ...options, source: target.config.source }, talk)
    signal.addEventListener('abort', () => talk.quit(signal.reason as Error), { once: true })
  })
}

class Conversation implements TransportOwner {
  transport!: Transport
  readonly #dialogue: Dialogue
  readonly #resolve: (seen: string) => void
  readonly #reject: (error: Error) => void
  /** Whose PROXY header to send; undefined over TLS, where it has been sent. */
  readonly #config: ProbeConfig | undefined
  #over = false
  #after = 0
  #lingering: NodeJS.Timeout | undefined

  constructor(
    dialogue: Dialogue,
    resolve: (seen: string) => void,
    reject: (error: Error) => void,
    config?: ProbeConfig
  ) {
    this.#dialogue = dialogue
    this.#resolve = resolve
    this.#reject = reject
    this.#config = config
  }

  /** What this probe's own code throws ends this probe. */
  onInternalError(error: unknown): undefined {
    this.quit(error as Error)
    this.transport.destroy()
  }

  quit(reason: Error): void {
    if (this.#over) return
    this.#over = true
    this.#reject(reason)
    this.transport.destroy()
  }

  onConnect(): void {
    if (this.#config?.proxyProtocol !== undefined) {
      const { local, remote } = this.transport
      this.transport.sendOwned(probeHeader(this.#config, local, remote)!)
    }
    this.#take(() => this.#dialogue.begin())
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#over) {
      this.#after += end - start
      if (this.#after > MOST_AFTER) this.transport.destroy()
      return
    }
    // A copy: the bytes are valid during this call only.
    const bytes = Buffer.from(buffer.subarray(start, end))
    this.#take(() => this.#dialogue.received(bytes))
  }

  onEnd(): void {
    if (this.#over) this.transport.destroy()
    else this.#take(() => this.#dialogue.closed())
  }

  onDrain(): void {}

  onClose(error: Error | undefined): void {
    clearTimeout(this.#lingering)
    if (this.#over) return
    this.#over = true
    this.#reject(error ?? new ProbeMismatch('closed'))
  }

  #take(next: () => Step | undefined): void {
    let step: Step | undefined
    try {
      step = next()
    } catch (error) {
      const { goodbye } = error as ProbeMismatch
      this.#over = true
      this.#reject(error as Error)
      return this.#close(goodbye)
    }
    if (step === undefined) return
    if (step.passed !== undefined) {
      this.#over = true
      this.#resolve(step.passed)
      return step.lingers === true ? this.#linger() : this.#close(step.send)
    }
    this.#send(step.send)
  }

  /** With a goodbye, in order: all is sent, then FIN, and the backend closes. Without one, at once. */
  #close(goodbye: string | Buffer | undefined): void {
    if (goodbye === undefined) return this.transport.destroy()
    this.#send(goodbye)
    this.transport.end()
    this.#linger()
  }

  /** Waits for the backend to close: it still sends, and an RST in the middle would show as an error in its log. */
  #linger(): void {
    this.#lingering = setTimeout(() => this.transport.destroy(), GOODBYE_MS)
    this.#lingering.unref()
  }

  #send(what: string | Buffer | undefined): void {
    if (what === undefined || what.length === 0 || this.transport.closed) return
    if (typeof what === 'string') this.transport.sendText(what)
    else this.transport.sendOwned(what)
  }
}
