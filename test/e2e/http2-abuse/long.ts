// node test/e2e/http2-abuse/long.ts [--seconds 2] [--rate 150] [--rounds 3] [--once] [attack …]
// How long others wait beside an attack, and without it, in turns: the least p99 of the rounds. Others have a backend of
// their own, so that they do not wait for one that the attacker keeps busy.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { memoryLogger } from '../../fakes/memory-logger.ts'
import { start } from '../../../src/runtime/control/start.ts'
import type { Runtime } from '../../../src/runtime/runtime.ts'
import { configOf } from '../../runtime/configs.ts'
import { attacks } from './attacks.ts'
import type { Waits } from './bystanders.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '2' },
    rate: { type: 'string', default: '150' },
    rounds: { type: 'string', default: '3' },
    once: { type: 'boolean', default: false }
  }
})
const beside = (file: string): string => join(import.meta.dirname, file)

/** The attacker would be elsewhere, so what serves it goes last where there are too few processors. */
const [ATTACK, OTHERS] = [5, process.getuid?.() === 0 ? -10 : 0]
const run = (nice: number, file: string, ...rest: string[]) =>
  spawn('nice', ['-n', String(nice), process.execPath, beside(file), ...rest], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
const said = async (child: ReturnType<typeof run>): Promise<string> =>
  String((await once(child.stdout!, 'data'))[0]).trim()

const origins = [run(ATTACK, 'origin-main.ts'), run(OTHERS, 'origin-main.ts')]
const [attacked, asked] = await Promise.all(origins.map(said))
const routes = [
  { match: { path: '/none' }, respond: { status: 404 } },
  { match: { path: '/honest' }, pool: 'asked' },
  { pool: 'attacked' }
]
const listener = { name: 'web', bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], routes }
const pools = {
  attacked: { backends: [`127.0.0.1:${attacked}`] },
  asked: { backends: [`127.0.0.1:${asked}`] }
}
const config = configOf({ workers: 1, listeners: [listener], pools })
const lb = (await start(config, { log: memoryLogger(), logLevel: 'silent' })) as Runtime
const port = lb.addresses[0]!.port!

async function wait(name: string | undefined): Promise<{ waits: Waits; damage: string }> {
  const attacker =
    name === undefined
      ? undefined
      : run(ATTACK, 'attacker-main.ts', String(port), name, values.once ? 'once' : 'again')
  if (attacker !== undefined) await said(attacker)
  const waits = await said(run(OTHERS, 'bystanders-main.ts', String(port), values.rate, values.seconds))
  let damage = ''
  if (attacker !== undefined) {
    attacker.kill('SIGTERM')
    damage = await said(attacker)
  }
  return { waits: JSON.parse(waits) as Waits, damage }
}

const at = ({ times }: Waits, part: number): number => times[Math.floor(times.length * part)] ?? NaN
for (const name of positionals.length > 0 ? positionals : Object.keys(attacks)) {
  const [quiet, under]: [number[], number[]] = [[], []]
  let [failed, words] = [0, '']
  for (let round = 0; round < Number(values.rounds); round++) {
    quiet.push(at((await wait(undefined)).waits, 0.99))
    const { waits, damage } = await wait(name)
    under.push(at(waits, 0.99))
    failed += waits.failed
    words = damage
  }
  const [before, after] = [Math.min(...quiet), Math.min(...under)]
  const factor = (after / before).toFixed(2)
  console.log(
    `${name}: p99 ${before.toFixed(1)} -> ${after.toFixed(1)} ms (x${factor}), ${failed} failed; ${words}`
  )
}
await lb.kill()
for (const origin of origins) origin.kill()
