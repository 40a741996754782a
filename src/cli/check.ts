import { formatProblems } from '../config/report/format-problems.ts'
import { loadConfig } from '../config/parse-config.ts'
import { exitCode } from './exit-code.ts'

/** `lb check`: everything that is wrong with the file, or one line that says it is fine. */
export function check(file: string): void {
  const result = loadConfig(file, process.env)
  if (!result.ok) {
    process.stderr.write(`${formatProblems(result.problems)}\n`)
    const errors = result.problems.filter((problem) => problem.severity === 'error').length
    process.stderr.write(`${file}: ${count(errors, 'error')}\n`)
    process.exitCode = exitCode.usage
    return
  }
  if (result.warnings.length > 0) process.stderr.write(`${formatProblems(result.warnings)}\n`)
  const { listeners, pools } = result.config
  const backends = Object.values(pools).reduce((sum, pool) => sum + pool.backends.length, 0)
  const parts = [
    count(listeners.length, 'listener'),
    count(Object.keys(pools).length, 'pool'),
    count(backends, 'backend')
  ]
  process.stdout.write(`${file}: ok (${parts.join(', ')})\n`)
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
