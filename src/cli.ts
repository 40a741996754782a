import { messageOf } from './core/errors.ts'
import { CommanderError } from 'commander'
import { exitCode } from './cli/exit-code.ts'
import { createProgram } from './cli/program.ts'
import { systemReason } from './config/report/system-reason.ts'

// `lb schema | head -1`: a reader that has enough closes the pipe. The exit code still reports the command's result.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    try {
      process.stderr.write(`lb: cannot write the output: ${systemReason(error)}\n`)
    } finally {
      process.exit(exitCode.cannotRun)
    }
  })
}

const program = createProgram()
// Commander exits with 1 on wrong usage, but here 1 means "cannot run". Errors have been printed by then.
const commands = [program, ...program.commands]
for (const command of commands) command.exitOverride()

try {
  // Both spellings of the version are in use.
  await program.parseAsync(process.argv.map((word, index) => (index === 2 && word === '-V' ? '-v' : word)))
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? exitCode.ok : exitCode.usage
  else {
    const reason = messageOf(error)
    process.stderr.write(`lb: ${reason}\n`)
    // The stack is for developers of lb: expected failures never come this way.
    if (process.env['LB_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    process.exit(exitCode.cannotRun)
  }
}
