import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'

/** A way to Redis on which bytes take as long as the test says, in each direction by itself. */
export class SlowPath {
  readonly url: string
  /** Milliseconds; Infinity: nothing arrives any more. */
  toRedis = 0
  fromRedis = 0

  private constructor(path: string) {
    this.url = `unix:${path}`
  }

  static async start(t: Test, folder: string, name: string, redis: string): Promise<SlowPath> {
    const path = join(folder, name)
    const slow = new SlowPath(path)
    const sockets = new Set<Socket>()
    const server = createServer((near) => {
      const far = connect(redis)
      for (const socket of [near, far]) {
        sockets.add(socket)
        socket.on('error', () => {}).on('close', () => sockets.delete(socket))
      }
      pass(near, far, () => slow.toRedis)
      pass(far, near, () => slow.fromRedis)
    }).listen(path)
    await once(server, 'listening')
    t.teardown(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return slow
  }
}

/** In order, whatever the delay of each was. */
function pass(from: Socket, to: Socket, delayMs: () => number): void {
  let last = Promise.resolve()
  from.on('data', (bytes) => {
    const ms = delayMs()
    const gone =
      ms === 0 ? undefined : new Promise<void>((resolve) => ms < Infinity && setTimeout(resolve, ms))
    last = last.then(() => gone).then(() => void to.write(bytes))
  })
  from.on('close', () => to.destroy())
}
