import type { Runtime } from '../../../src/runtime/runtime.ts'
import type { CombinationOrigin } from './origins/origin.ts'

/** Each handshake that was refused for its session is made once more without one, so that nobody hears of it. */
export function refusalsTold(all: readonly Runtime[], origins: readonly CombinationOrigin[]): string[] {
  const told = all.flatMap((running) =>
    running
      .metrics()
      .split('\n')
      .filter((line) => line.includes('LB_UPSTREAM_TLS') && !line.endsWith(' 0'))
  )
  const refused = origins.reduce((sum, origin) => sum + origin.refused, 0)
  return told.map((line) => `${refused} handshakes refused for their session: ${line}`)
}
