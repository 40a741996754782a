import type { Config } from '../config/model/model.ts'
import { formatForGithub } from '../config/report/format-for-github.ts'
import { formatProblems } from '../config/report/format-problems.ts'
import { once, type Problem } from '../config/report/problem.ts'
import { loadNamed } from './load-named.ts'
import { exitCode } from './exit-code.ts'
import { wantsColor } from '../core/log/pretty-stream.ts'

export type CheckFormat = 'text' | 'json' | 'github'

interface Checked {
  readonly file: string
  readonly ok: boolean
  readonly problems: readonly Problem[]
  readonly config?: Config
  /** Facts about a valid configuration. */
  readonly lines?: readonly string[]
}

/**
 * `lb check`: prints everything that is wrong with the files and what they refer to, or one line for each valid file.
 */
export async function check(files: readonly string[], format: CheckFormat): Promise<void> {
  const results: Checked[] = []
  for (const file of files) results.push(await checkOne(file))
  if (format === 'json') process.stdout.write(`${JSON.stringify(asJson(results), null, 2)}\n`)
  else for (const result of results) report(result, format)
  if (results.some(({ ok }) => !ok)) process.exitCode = exitCode.usage
}

async function checkOne(file: string): Promise<Checked> {
  const loaded = await loadNamed(file)
  if (!loaded.ok) return { file, ok: false, problems: loaded.problems }
  const { config, warnings } = loaded
  // Loaded late, so that a broken file is reported at once.
  const { checkOutside } = await import('../runtime/control/check/check-outside.ts')
  const outside = await checkOutside(config)
  const problems = once([...warnings, ...outside.findings.map(loaded.problem)]).sort(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0)
  )
  return {
    file,
    ok: problems.every(({ severity }) => severity === 'warning'),
    problems,
    config,
    lines: outside.lines
  }
}

function report({ file, ok, problems, config, lines = [] }: Checked, format: 'text' | 'github'): void {
  if (format === 'github') {
    // GitHub reads annotations from standard output.
    if (problems.length > 0) process.stdout.write(`${formatForGithub(problems)}\n`)
  } else if (problems.length > 0) {
    process.stderr.write(
      `${formatProblems(problems, { color: wantsColor(process.stderr.isTTY === true) })}\n`
    )
  }
  if (!ok || config === undefined) {
    const errors = problems.filter(({ severity }) => severity === 'error').length
    process.stderr.write(`${file}: ${count(errors, 'error')}\n`)
    return
  }
  const { listeners, pools, tests } = config
  const backends = Object.values(pools).reduce((sum, pool) => sum + pool.backends.length, 0)
  const parts = [
    count(listeners.length, 'listener'),
    count(Object.keys(pools).length, 'pool'),
    count(backends, 'backend'),
    ...(tests.length === 0 ? [] : [`${count(tests.length, 'test')} passed`])
  ]
  process.stdout.write(`${file}: ok (${parts.join(', ')})\n`)
  for (const line of lines) process.stdout.write(`  ${line}\n`)
}

function asJson(results: readonly Checked[]): object {
  return {
    ok: results.every(({ ok }) => ok),
    files: results.map(({ file, ok, problems }) => ({
      file,
      ok,
      problems: problems.map(({ source: _, ...problem }) => problem)
    }))
  }
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`
}
