import t from 'tap'
import { Deadlines } from '../../src/core/deadlines.ts'
import { systemClock } from '../../src/core/clock.ts'
import { splice, type SpliceEnd } from '../../src/l4/tcp/splice.ts'
import type { ByteStream } from '../../src/net/transport/byte-stream.ts'
import type { TransportOwner } from '../../src/net/transport/transport.ts'

/** Neither a socket nor a handle: what one stream of a shared connection is. */
class MemoryStream implements ByteStream {
  owner!: TransportOwner
  readsOut = false
  closed = false
  bytesOut = 0
  pending = 0
  readonly remote = undefined
  paused = true
  sent = ''
  calls: string[] = []
  /** Takes no more until `drain`. */
  full = false

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.calls.push('end')
    if (this.calls.includes('their end')) this.close()
  }

  destroy(): void {
    this.calls.push('destroy')
    this.close()
  }

  reset(): void {
    this.calls.push('reset')
    this.close()
  }

  sendOwned(bytes: Uint8Array): boolean {
    this.sent += Buffer.from(bytes).toString('latin1')
    this.bytesOut += bytes.length
    if (this.full) this.pending += bytes.length
    return !this.full
  }

  sendFrom(buffer: Buffer, start: number, end: number): boolean {
    return this.sendOwned(Buffer.from(buffer.subarray(start, end)))
  }

  // The far end.

  says(text: string): void {
    this.owner.onData(Buffer.from(text), 0, text.length)
  }

  ends(): void {
    this.calls.push('their end')
    this.owner.onEnd()
    if (this.calls.includes('end')) this.close()
  }

  drain(): void {
    this.full = false
    this.pending = 0
    this.owner.onDrain()
  }

  close(error?: NodeJS.ErrnoException): void {
    if (this.closed) return
    this.closed = true
    this.owner.onClose(error)
  }
}

function relay(ahead = 'ahead '): { client: MemoryStream; backend: MemoryStream; ends: SpliceEnd[] } {
  const [client, backend, ends] = [new MemoryStream(), new MemoryStream(), [] as SpliceEnd[]]
  const deadlines = new Deadlines(systemClock)
  const options = { deadlines, idleMs: 60_000, halfCloseMs: 60_000 }
  splice(client, backend, options, (end) => ends.push(end), {
    bytes: ahead === '' ? [] : [Buffer.from(ahead)]
  })
  return { client, backend, ends }
}

t.test('a tunnel joins any two byte streams', async (t) => {
  t.test('bytes and ends pass both ways', async (t) => {
    const { client, backend, ends } = relay()
    client.says('hello')
    backend.says('world')
    t.strictSame([backend.sent, client.sent], ['ahead hello', 'world'])
    client.ends()
    t.ok(backend.calls.includes('end'))
    backend.says('!')
    t.equal(client.sent, 'world!', 'the other way goes on')
    backend.ends()
    t.strictSame(
      ends.map(({ reason }) => reason),
      ['client-closed']
    )
  })

  t.test('a side is read only while the other takes it', async (t) => {
    const { client, backend } = relay()
    t.notOk(client.paused)
    backend.full = true
    client.says('much')
    t.ok(client.paused)
    t.notOk(backend.paused)
    backend.drain()
    t.notOk(client.paused)
  })

  t.test('a break is passed on as one', async (t) => {
    const { client, backend, ends } = relay('')
    const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    client.close(error)
    t.ok(backend.calls.includes('reset'))
    t.equal(ends[0]?.reason, 'client-reset')
  })
})
