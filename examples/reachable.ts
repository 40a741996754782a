import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

export interface Target {
  readonly host: string
  readonly port: number
}

/** Waits until every target accepts a connection. False when `givenUp` says so, or after the deadline. */
export async function reachable(
  targets: readonly Target[],
  deadlineMs: number,
  givenUp: () => boolean
): Promise<boolean> {
  const end = performance.now() + deadlineMs
  for (const target of targets) {
    while (!(await accepts(target))) {
      if (givenUp() || performance.now() > end) return false
      await wait(50)
    }
  }
  return true
}

function accepts({ host, port }: Target): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 })
    const settle = (answer: boolean) => (): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', settle(true))
    // A reset comes from somebody who listens: a listener whose pool has nobody up.
    socket.on('error', (error: NodeJS.ErrnoException) => settle(error.code === 'ECONNRESET')())
    socket.on('timeout', settle(false))
  })
}
