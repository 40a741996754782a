import { connect, type Socket } from 'node:net'
import type { Runtime } from '../../../../src/runtime/runtime.ts'
import type { Seeded } from '../../../http-battery/seeded.ts'
import type { CombinationOrigin } from '../origins/origin.ts'
import { fieldOf, pause } from '../plan.ts'
import type { Setting } from '../world-config.ts'

/** Whose place the backups take, by when all of them serve again. */
export class MainsUp {
  readonly wrong: string[]
  #since = Infinity

  constructor(wrong: string[]) {
    this.wrong = wrong
  }

  /** All backends that are no backups are up, as probes say. */
  up(): void {
    this.#since = Math.min(this.#since, performance.now())
  }

  down(): void {
    this.#since = Infinity
  }

  /** For this many ms. */
  get forMs(): number {
    return Math.max(0, performance.now() - this.#since)
  }
}

/** Backends end, or answer nobody any more, and come back. */
export async function downs(
  running: Runtime,
  { origins, mainsUp, backups, backendKind, answered }: Setting,
  seeded: Seeded,
  isGoingOn: () => boolean
): Promise<void> {
  const pool = backendKind.startsWith('h2') ? 'site' : 'bytes'
  const mains = origins.slice(0, backups ? 2 : 3)
  // Requests are over at once while nobody is there: some come first, however slow the machine is.
  while (isGoingOn() && answered() < 20) await pause(10)
  while (isGoingOn()) {
    const gone = seeded.chance(0.4) ? mains : mains.filter(() => seeded.chance(0.6))
    mainsUp.down()
    for (const origin of gone) await origin.goDown(seeded.chance(0.5))
    const held = backups && gone === mains ? await relayedToBackup(running) : undefined
    await pause(seeded.of([50, 400, 1_200]))
    for (const origin of gone) await origin.comeUp()
    const late = Date.now() + 5_000
    while (isGoingOn() && !areUp(running, pool, mains) && Date.now() < late) await pause(50)
    if (areUp(running, pool, mains)) {
      mainsUp.up()
      if (held !== undefined && !(await endsSoon(held)))
        mainsUp.wrong.push('a connection stays at a backup although the others are up')
    }
    held?.destroy()
    await pause(seeded.of([100, 600, 1_800]))
  }
  // What is over must not hang at them.
  for (const origin of mains) await origin.comeUp()
  const late = Date.now() + 5_000
  while (!areUp(running, pool, mains) && Date.now() < late) await pause(50)
}

/** A connection over Layer 4 that stays open; undefined where another than the backup answers. */
async function relayedToBackup(running: Runtime): Promise<Socket | undefined> {
  const port = running.addresses.find(({ listener }) => listener === 'l4')?.port
  if (port === undefined) return undefined
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: lb.test\r\n\r\n')
  const head = await new Promise<string>((resolve) => {
    socket.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')))
    socket.once('close', () => resolve(''))
    setTimeout(() => resolve(''), 1_000)
  })
  if (fieldOf(head, 'x-origin') === '3') return socket
  socket.destroy()
  return undefined
}

async function endsSoon(socket: Socket): Promise<boolean> {
  const late = Date.now() + 5_000
  while (!socket.closed && Date.now() < late) await pause(20)
  return socket.closed
}

function areUp(running: Runtime, pool: string, origins: readonly CombinationOrigin[]): boolean {
  const lines = running
    .metrics()
    .split('\n')
    .filter((line) => line.startsWith('lb_backend_up{') && line.includes(`pool="${pool}"`))
  return origins.every(({ address }) => lines.some((line) => line.includes(address) && line.endsWith(' 1')))
}
