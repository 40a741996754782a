// node test/e2e/http2-abuse/long.ts [--seconds 2] [--rate 150] [--rounds 3] [--once] [attack …]
// How long others wait beside an attack, and without it, in turns: the least p99 of the rounds.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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
const BIG = Buffer.alloc(100_000, 'x')

const origin = createServer((request, response) => {
  request.resume().on('error', () => {})
  request.on('end', () => response.end(request.url === '/big' ? BIG : 'hello'))
}).listen(0, '127.0.0.1')
await once(origin, 'listening')
const routes = [{ match: { path: '/none' }, respond: { status: 404 } }, { pool: 'web' }]
const listener = { name: 'web', bind: '127.0.0.1:0', mode: 'l7', protocols: ['h2', 'http/1.1'], routes }
const pools = { web: { backends: [`127.0.0.1:${(origin.address() as AddressInfo).port}`] } }
const config = configOf({ workers: 1, listeners: [listener], pools })
const lb = (await start(config, { log: memoryLogger(), logLevel: 'silent' })) as Runtime
const port = lb.addresses[0]!.port!

/** Bystanders go before lb where there are too few processors, and the attacker behind: it would be elsewhere. */
async function wait(name: string | undefined): Promise<{ waits: Waits; damage: string }> {
  const run = (nice: number, file: string, ...rest: string[]) =>
    spawn('nice', ['-n', String(nice), process.execPath, beside(file), String(port), ...rest], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
  const attacker = name === undefined ? undefined : run(5, 'attacker-main.ts', name, values.once ? 'once' : 'again') // prettier-ignore
  if (attacker !== undefined) await once(attacker.stdout, 'data')
  const honest = run(process.getuid?.() === 0 ? -10 : 0, 'bystanders-main.ts', values.rate, values.seconds)
  const [said] = (await once(honest.stdout, 'data')) as [Buffer]
  let damage = ''
  if (attacker !== undefined) {
    attacker.kill('SIGTERM')
    const [last] = (await once(attacker.stdout, 'data')) as [Buffer]
    damage = String(last).trim()
  }
  return { waits: JSON.parse(String(said)) as Waits, damage }
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
origin.close()
origin.closeAllConnections()
