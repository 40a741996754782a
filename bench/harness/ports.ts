import { createServer } from 'node:net'

const taken = new Set<number>()

/**
 * A free port on loopback below the range that the kernel gives to outgoing connections (from 32768): a load of new
 * connections must not sit on the port that the next server wants.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    if (taken.has(port) || !(await bindable(port))) continue
    taken.add(port)
    return port
  }
  throw new Error('no free port between 20000 and 32000')
}

function bindable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
