import { frame, u32 } from '../wire.ts'
import type { Flow, Way } from './flow.ts'
import { Peer } from './peer.ts'
import type { FakeTransport, TransportKind } from './transports.ts'

/** lb's end of the connection. */
export interface Side {
  readonly flows: readonly Flow[]
  readonly transport: FakeTransport
  /** What the peer begins with. */
  begin(): Buffer
  /** A stream is opened; returns what the peer sends for that. */
  open(uploads: boolean, priority: string): Buffer
  feed(bytes: Buffer): void
}

/** `at`: one of the streams, or for `credit` the connection. */
export type Step =
  | { readonly kind: 'open'; readonly uploads: boolean; readonly priority: string }
  | { readonly kind: 'piece'; readonly at: number; readonly size: number; readonly way: Way }
  | { readonly kind: 'end' | 'hold' | 'read' | 'reset'; readonly at: number }
  | { readonly kind: 'credit'; readonly at: number; readonly size: number }
  | { readonly kind: 'settings'; readonly initial: number }
  | { readonly kind: 'data'; readonly at: number; readonly size: number; readonly ends: boolean }
  | { readonly kind: 'priority'; readonly at: number; readonly value: string }
  | { readonly kind: 'complete' | 'turn' | 'settle' }

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * A connection with both ends, step by step. Whenever all has come to rest: of what waits at least one window is shut, who
 * was told to wait has heard that he may go on, and who reads everything is sent more.
 */
export class Simulation {
  readonly peer = new Peer()
  readonly side: Side
  readonly #server: boolean
  /** What the peer sends together, as one read. */
  #gathered: Buffer[] = []

  constructor(make: new (kind: TransportKind, deliver: (bytes: Buffer) => void) => Side, kind: TransportKind, server: boolean) {
    this.side = new make(kind, (bytes) => this.peer.receive(bytes))
    this.#server = server
    this.side.feed(this.side.begin())
  } // prettier-ignore

  get wrong(): readonly string[] {
    return [...this.peer.wrong, ...this.side.flows.flatMap(({ wrong }) => wrong)]
  }

  async run(steps: readonly Step[]): Promise<readonly string[]> {
    for (const step of steps) {
      await this.#do(step)
      if (this.wrong.length > 0) return this.wrong
    }
    return this.#openAll()
  }

  async #do(step: Step): Promise<void> {
    const { flows } = this.side
    const flow = 'at' in step ? flows[step.at % Math.max(1, flows.length)] : undefined
    const id = flow?.id ?? 0
    switch (step.kind) {
      case 'open':
        return void (flows.length < 6 && this.#feed(this.side.open(step.uploads, step.priority)))
      case 'piece':
        return flow?.piece(step.size, step.way)
      case 'end':
        return flow?.end()
      case 'hold':
      case 'read':
        return flow?.hold(step.kind === 'hold')
      case 'reset':
        return this.#reset(flow)
      case 'credit':
        return this.#gather(this.peer.grant(step.at % 3 === 0 ? 0 : id, step.size))
      case 'settings':
        return this.#gather(this.peer.settings(step.initial))
      case 'data':
        return flow === undefined || (this.#server && flow.heardEnd) ? undefined : this.#feed(this.peer.data(id, step.size, step.ends))
      case 'priority':
        return flow === undefined || !this.#server ? undefined : this.#feed(frame(0x10, 0, 0, Buffer.concat([u32(id), Buffer.from(step.value)])))
      case 'complete':
        return void this.side.transport.complete()
      case 'turn':
        this.#feed()
        return turn()
      case 'settle':
        return this.#settle()
    }
  } // prettier-ignore

  /** Comes with the next frame, in one read, or at the end of the turn. */
  #gather(bytes: Buffer): void {
    this.#gathered.push(bytes)
  }

  #feed(bytes: Buffer = Buffer.alloc(0)): void {
    const all = Buffer.concat([...this.#gathered.splice(0), bytes])
    if (all.length > 0 && !this.side.transport.closed) this.side.feed(all)
  }

  #reset(flow: Flow | undefined): void {
    if (flow === undefined || flow.gone) return
    const stream = this.peer.stream(flow.id)
    if (stream.reset || (stream.ended && stream.hasEnded)) return
    this.#feed(this.peer.resetStream(flow.id))
  }

  async #settle(): Promise<void> {
    this.#feed()
    for (let still = 0; still < 3;) {
      await turn()
      still = this.side.transport.complete() ? 0 : still + 1
    }
    for (const flow of this.side.flows) this.#checkAtRest(flow)
  }

  #checkAtRest(flow: Flow): void {
    const { peer } = this
    const stream = peer.stream(flow.id)
    const { wrong } = flow
    if (stream.reset || flow.gone) return
    const all = flow.sent === stream.received
    if (!all && stream.window > 0 && peer.window > 0)
      wrong.push(`${flow.id} stands still: ${stream.received} of ${flow.sent}, ${stream.window} and ${peer.window} are open`)
    if (all && flow.ends && !stream.ended) wrong.push(`${flow.id} without its end`)
    if (all && flow.waits && !flow.ends) wrong.push(`${flow.id} waits although all was sent`)
    if (this.side.flows.every(({ holds }) => !holds) && peer.credit <= 0) wrong.push('the connection may not send more')
    // Behind the end of its answer a server reads no more.
    if (flow.holds || (this.#server && flow.ends)) return
    if (stream.sent > flow.received) wrong.push(`${flow.id}: ${flow.received} of ${stream.sent} were read`)
    if (stream.hasEnded && !flow.heardEnd) wrong.push(`${flow.id} did not hear the end`)
    if (!stream.hasEnded && !flow.heardEnd && stream.credit <= 0) wrong.push(`${flow.id} is read and may not send more`)
  } // prettier-ignore

  /** With all windows open everything comes. */
  async #openAll(): Promise<readonly string[]> {
    await this.#settle()
    for (const flow of this.side.flows) flow.hold(false)
    await this.#settle()
    this.#gather(this.peer.grant(0, 100_000_000))
    for (const { id } of this.side.flows) this.#gather(this.peer.grant(id, 100_000_000))
    await this.#settle()
    for (const flow of this.side.flows) flow.end()
    await this.#settle()
    for (const flow of this.side.flows) {
      const { received, ended, reset } = this.peer.stream(flow.id)
      if (!flow.gone && !reset && (!ended || received !== flow.sent))
        flow.wrong.push(`${flow.id}: ${received} of ${flow.sent}, ${ended ? 'ended' : 'not ended'}`)
    }
    return this.wrong
  }
}
