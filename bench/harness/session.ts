import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Origins } from '../origins/origins.ts'
import { niceSession } from './autogroup.ts'
import { detectPins } from './pins.ts'
import { Processes } from './processes.ts'
import { Progress } from './progress.ts'
import type { Setting } from './run-scenario.ts'
import { takeTurn } from './turn.ts'

/** Everything that a run needs around it; when `use` ends, however it ends, no process and no file is left. */
export async function withSession<T>(
  parts: Pick<Setting, 'options' | 'targets' | 'missing'>,
  use: (setting: Setting) => Promise<T>
): Promise<T> {
  const { options } = parts
  const progress = new Progress()
  const giveBack =
    options.mode === 'smoke'
      ? undefined
      : await takeTurn(join(tmpdir(), 'lb-bench.turn'), (pid) =>
          progress.say(`another benchmark is running (pid ${pid}); waiting for it to end`)
        )
  const folder = mkdtempSync(join(tmpdir(), 'lb-bench-'))
  // Varnish gives up root and must still be able to read what is written here.
  chmodSync(folder, 0o755)
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const asBefore = options.nice === undefined ? () => {} : niceSession(options.nice)
  process.once('exit', asBefore)
  const pins = options.pin ? detectPins() : undefined
  const processes = new Processes(options.nice)
  const origins = new Origins(processes, pins, folder)
  const bench = { processes, origins, pins, quick: options.mode !== 'full' }
  try {
    return await use({ ...parts, bench, folder, progress })
  } finally {
    await processes.stopAll()
    processes.killAll()
    remove()
    asBefore()
    giveBack?.()
  }
}
