import { memoryLogger } from '../fakes/memory-logger.ts'
import { start } from '../../src/runtime/control/start.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import type { Workers } from '../../src/runtime/workers/workers.ts'
import { configOf } from '../runtime/configs.ts'
import type { Told, ToldState } from './told-lb.ts'

// The process behind ToldLb.

const log = Object.assign(memoryLogger('debug'), { flush: () => Promise.resolve() })
const config = configOf(JSON.parse(process.argv[2]!) as object)
const running = (await start(config, { log, logLevel: 'silent', crashable: true })) as Runtime
let errors: readonly string[] | undefined

process.on('message', (told: Told) => void obey(told).then(answer))
answer()

async function obey(told: Told): Promise<void> {
  if (told.type === 'crash') (running.planes as Workers).crash(told.thread, 'told to')
  if (told.type === 'stop') await running.stop({ graceMs: 1_000 })
  if (told.type === 'reopen') running.reopenLogs()
  if (told.type === 'apply') errors = (await running.apply(configOf(told.yaml))).errors
}

function answer(): void {
  const { addresses, planes } = running
  const state: ToldState = {
    uid: process.getuid!(),
    addresses,
    workers: planes.workers,
    errors,
    log: log.lines.map(({ message }) => message)
  }
  process.send!(state)
}
