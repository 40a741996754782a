import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import type { ConfigResult } from '../../src/config/parse-config.ts'
import { loadConfig, loadObject } from '../../src/config/load-config.ts'
import { checkOutside } from '../../src/runtime/control/check/check-outside.ts'
import { memoryLogger } from '../fakes/memory-logger.ts'
import type { Running } from '../../src/runtime/control/running.ts'
import { start } from '../../src/runtime/control/start.ts'
import { Seeded } from '../http-battery/seeded.ts'
import { generateConfig, mutateConfig } from './support/generate-config.ts'
import { outsideWorld } from './support/outside-world.ts'
import { takeOut } from './support/repair-config.ts'

/** More by hand: `LB_CONFIGS=1000 LB_CONFIGS_FIRST=1 node test/config/check-then-start.test.ts`. */
const COUNT = Number(process.env.LB_CONFIGS ?? 120)
/** The same each time: the suite is to fail by what a change did. By hand others are tried. */
const FIRST = Number(process.env.LB_CONFIGS_FIRST ?? 7_000)
/** Reloads of one lb before another is started. */
const RELOADS = 20

const ROUNDS = 30

/** Paths of the errors; those of one round may stand in the way of each other. */
function errorsOf(result: ConfigResult): readonly string[] {
  if (result.ok) return []
  const errors = result.problems.filter(({ severity }) => severity === 'error')
  return [...new Set(errors.map(({ path }) => path).toReversed())]
}

/** As `lb check` does: the file, and what it names. */
async function check(file: string): Promise<ConfigResult> {
  const loaded = await loadConfig(file, { X: '1' })
  if (!loaded.ok) return loaded
  const { findings } = await checkOutside(loaded.config)
  const problems = findings.map(loaded.problem)
  return problems.some(({ severity }) => severity === 'error') ? { ok: false, problems } : loaded
}

t.setTimeout(3_600_000)

const log = { ...memoryLogger('silent'), flush: () => Promise.resolve() }

t.test(
  'a file that check accepts starts and reloads; a refusal has a position',
  { timeout: 0 },
  async (t) => {
    const outside = outsideWorld(t)
    const file = join(t.testdir({ 'lb.yaml': '' }), 'lb.yaml')
    let running: Running | undefined
    let reloads = 0
    let ok = 0
    for (let seed = FIRST; seed < FIRST + COUNT; seed++) {
      const random = new Seeded(seed)
      const config = generateConfig(random, outside)
      for (let slips = random.below(3); slips > 0; slips--) mutateConfig(config, random)
      let text = ''
      const fail = (why: string) => t.fail(`seed ${seed}: ${why}\n${text}`)
      let result: ConfigResult = { ok: false, problems: [] }
      try {
        // Few are right as they are generated: what is refused is taken out, piece by piece; without a file first, which is quicker.
        for (let round = 0; round < ROUNDS && !result.ok; round++) {
          result = await loadObject(config, file)
          for (const path of errorsOf(result)) takeOut(config, path)
        }
        result = { ok: false, problems: [] }
        for (let round = 0; round < ROUNDS && !result.ok; round++) {
          text = stringify(config, { aliasDuplicateObjects: false })
          writeFileSync(file, text)
          result = await check(file)
          for (const path of errorsOf(result)) takeOut(config, path)
        }
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
  }
)
