import { formatProblems } from '../config/report/format-problems.ts'
import { loadConfig } from '../config/load-config.ts'
import type { LogLevel } from '../config/model/model.ts'
import { keepFieldsFast, optimiseSoon, startWorkersGrown, stopGrowing } from './engine-flags.ts'
import { exitCode } from './exit-code.ts'
import type { Running } from '../runtime/control/running.ts'
import { catchTheRest } from '../runtime/process/last-net.ts'
import { ServiceManager } from './service-manager.ts'
import { Signals } from './signals.ts'
import { startFailure } from './start-failure.ts'

export interface RunOptions {
  readonly config: string
  readonly logLevel?: LogLevel
  readonly watch?: boolean
}

/** `lb`: reads the configuration, starts, and runs until a signal ends it. */
export async function run(options: RunOptions): Promise<void> {
  const signals = new Signals()
  const loaded = await loadConfig(options.config, process.env)
  if (!loaded.ok) {
    process.stderr.write(`${formatProblems(loaded.problems)}\n`)
    process.exitCode = exitCode.usage
    return
  }
  if (loaded.warnings.length > 0) process.stderr.write(`${formatProblems(loaded.warnings)}\n`)
  // Loaded late, so that a broken file is reported at once.
  const { start } = await import('../runtime/control/start.ts')
  keepFieldsFast()
  startWorkersGrown()
  optimiseSoon()
  let running: Running
  try {
    running = await start(loaded.config, {
      configPath: options.config,
      ...(options.logLevel !== undefined && { logLevel: options.logLevel }),
      ...(options.watch !== undefined && { watch: options.watch })
    })
  } catch (error) {
    const failure = startFailure(error, loaded.locate)
    process.stderr.write(`${failure}\n`)
    // A start stops at the first problem; whoever fixes it wants to know the others too.
    const { checkOutside } = await import('../runtime/control/check/check-outside.ts')
    const others = (await checkOutside(loaded.config)).findings.map(loaded.problem)
    const errors = others.filter(
      ({ severity, line }) => severity === 'error' && !failure.includes(`:${line}:`)
    )
    if (errors.length > 0) process.stderr.write(`${formatProblems(errors)}\n`)
    process.exit(exitCode.cannotRun)
  }
  stopGrowing()
  catchTheRest(() => process.exit(exitCode.cannotRun))
  const manager = new ServiceManager(process.env)
  signals.handle(manager.watch(running))
  await manager.ready()
}
