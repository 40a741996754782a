import t from 'tap'
import { stringify } from 'yaml'
import { configFromObject, parseConfig } from '../../src/config/parse-config.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import type { Running } from '../../src/runtime/control/running.ts'
import { start } from '../../src/runtime/control/start.ts'
import { Seeded } from '../http-battery/seeded.ts'
import { generateConfig, mutateConfig } from './support/generate-config.ts'
import { takeOut } from './support/repair-config.ts'

/** More by hand: `LB_CONFIGS=1000 LB_CONFIGS_FIRST=1 node test/config/check-then-start.test.ts`, in parts: tap ends a file after a minute. */
const COUNT = Number(process.env.LB_CONFIGS ?? 200)
/** The same each time: the suite is to fail by what a change did. By hand others are tried. */
const FIRST = Number(process.env.LB_CONFIGS_FIRST ?? 7_000)
/** Reloads of one lb before another is started. */
const RELOADS = 20

const ROUNDS = 30

/** Paths of the errors; those of one round may stand in the way of each other. */
function refusedAt(config: unknown): readonly string[] {
  const result = configFromObject(config)
  return result.ok
    ? []
    : result.problems.filter(({ severity }) => severity === 'error').map(({ path }) => path)
}

const log = { ...memoryLogger('silent'), flush: () => Promise.resolve() }

t.test('what check calls ok starts and reloads; what it refuses has a place', { timeout: 0 }, async (t) => {
  let running: Running | undefined
  let reloads = 0
  let ok = 0
  for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
    const random = new Seeded(seed)
    const config = generateConfig(random)
    for (let slips = random.below(3); slips > 0; slips--) mutateConfig(config, random)
    // Few are right as they are generated: what is refused is taken out, piece by piece.
    for (let round = 0; round < ROUNDS; round++) {
      const wrong = refusedAt(config)
      if (wrong.length === 0) break
      for (const path of wrong.toReversed()) takeOut(config, path)
    }
    const text = stringify(config, { aliasDuplicateObjects: false })
    const fail = (why: string) => t.fail(`seed ${seed}: ${why}\n${text}`)
    let result
    try {
      result = parseConfig(text, { file: 'lb.yaml', env: { X: '1' } })
    } catch (error) {
      fail(String((error as Error).stack))
      continue
    }
    if (!result.ok) {
      const unplaced = result.problems.find(({ line, message }) => line === undefined || message === '')
      if (result.problems.length === 0 || unplaced !== undefined) fail('refused without a word or a place')
      continue
    }
    ok++
    const inProcess = { ...result.config, workers: 0 }
    try {
      if (running === undefined) running = await start(inProcess, { log })
      else {
        const { errors } = await running.apply(inProcess)
        if (errors !== undefined) fail(`reload: ${errors.join('; ')}`)
      }
    } catch (error) {
      fail(`start: ${String((error as Error).stack)}`)
    }
    if (++reloads % RELOADS === 0) {
      await running?.kill()
      running = undefined
    }
  }
  await running?.kill()
  t.comment(`${ok} of ${COUNT} from seed ${FIRST} were right`)
  t.ok(ok > COUNT / 20, `only ${ok} of ${COUNT} were right`)
})
