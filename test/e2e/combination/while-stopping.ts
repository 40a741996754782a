import type { Runtime } from '../../../src/runtime/runtime.ts'
import { ask, type ClientKind, type Doors } from './clients/connect.ts'
import type { Judge } from './judge.ts'
import { pause, plainPlan } from './plan.ts'

/** As the feature says. */
const DELAY_MS = 300
const SOON_MS = 30_000

/** Until the delay is over everything is served as before; then it ends by itself. What is wrong with that, in words. */
export async function whileStopping(
  seed: number,
  running: Runtime,
  judge: Judge,
  doors: Doors,
  kinds: readonly ClientKind[]
): Promise<readonly string[]> {
  const wrong: string[] = []
  const began = performance.now()
  const stopping = running.stop()
  // Later than what its sockets had taken in when it began.
  await pause(50)
  let number = 0
  await Promise.all(
    kinds.map(async (kind) => {
      const plans = Array.from({ length: 3 }, () => plainPlan(`${seed}-s${number++}`))
      for (const plan of plans) judge.asked(Object.assign(plan, { door: kind }))
      for (const answer of await ask(kind, doors, plans, false)) {
        judge.answer(answer, kind)
        if (answer.status === 0 && performance.now() < began + DELAY_MS)
          wrong.push(`${kind}: not served any more`)
      }
    })
  )
  const late = Symbol('late')
  const timer = new Promise((resolve) => setTimeout(resolve, SOON_MS, late).unref())
  if ((await Promise.race([stopping, timer])) === late) wrong.push('did not stop')
  return wrong
}
