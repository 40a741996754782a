import type { Accept } from '../../src/net/transport/accept.ts'
import type { Transport } from '../../src/net/transport/transport.ts'
import type { ListenerEngine, ListenerEngines } from '../../src/runtime/plane/listener-engine.ts'

/** An engine that greets every connection with the snapshot it holds, echoes, and closes when it drains. */
export class StubEngine implements ListenerEngine {
  greeting: string
  draining = false
  readonly open = new Set<Transport>()
  readonly accept: Accept

  constructor(greeting: string) {
    this.greeting = greeting
    this.accept = (attach) => {
      const transport: Transport = attach({
        onData: (buffer, start, end) => transport.sendText(buffer.toString('latin1', start, end)),
        onEnd: () => transport.end(),
        onDrain: () => {},
        onClose: () => this.open.delete(transport)
      })
      this.open.add(transport)
      transport.sendText(`${this.greeting}\n`)
      if (this.draining) transport.end()
    }
  }

  drain(): void {
    this.draining = true
  }

  destroy(): void {
    for (const transport of this.open) transport.destroy()
  }

  get connections(): number {
    return this.open.size
  }

  oldestMs(): number {
    return 0
  }
}

export interface StubEngines extends ListenerEngines {
  readonly made: StubEngine[]
}

/** Greetings say listener, snapshot's first pool and number of backends: enough to see which one is in force. */
export function stubEngines(fail: (listener: string) => boolean = () => false): StubEngines {
  const made: StubEngine[] = []
  return {
    made,
    async prepare({ config }, _snapshot, pools, running) {
      if (fail(config.name)) throw new Error(`${config.name} cannot be built`)
      const pool = config.mode === 'l4' ? pools.get(config.pool!) : undefined
      const greeting = `${config.name} ${pool?.backends.length ?? 0}`
      const engine = (running as StubEngine | undefined) ?? new StubEngine(greeting)
      if (engine !== running) made.push(engine)
      return { engine, commit: () => (engine.greeting = greeting) }
    },
    use() {},
    retain() {},
    backendDown() {},
    close() {}
  }
}
