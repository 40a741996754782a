import { formatProblems } from '../config/report/format-problems.ts'
import { loadConfig } from '../config/parse-config.ts'
import type { Problem } from '../config/report/problem.ts'
import { checkCertificates } from '../runtime/certificates/check-certificates.ts'
import { exitCode } from './exit-code.ts'

/** `lb check`: everything that is wrong with the file, or one line that says it is fine. */
export function check(file: string): void {
  const result = loadConfig(file, process.env)
  if (!result.ok) return refuse(file, result.problems)
  const certificates = checkCertificates(result.config, Date.now())
  if (certificates.findings.length > 0) {
    return refuse(file, [...result.warnings, ...certificates.findings.map((each) => result.problem(each))])
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
  for (const line of certificates.lines) process.stdout.write(`  ${line}\n`)
}

function refuse(file: string, problems: readonly Problem[]): void {
  process.stderr.write(`${formatProblems(problems)}\n`)
  const errors = problems.filter((problem) => problem.severity === 'error').length
  process.stderr.write(`${file}: ${count(errors, 'error')}\n`)
  process.exitCode = exitCode.usage
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
