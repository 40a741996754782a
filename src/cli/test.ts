import { loadNamed } from './load-named.ts'
import { formatProblems } from '../config/report/format-problems.ts'
import { exitCode } from './exit-code.ts'
import { wantsColor } from '../core/log/pretty-stream.ts'

/** `lb test`: runs the tests of configurations; prints each difference with its line. */
export async function test(files: readonly string[]): Promise<void> {
  for (const file of files) await testOne(file)
}

async function testOne(file: string): Promise<void> {
  const loaded = await loadNamed(file)
  const color = wantsColor(process.stderr.isTTY === true)
  if (!loaded.ok) {
    process.stderr.write(`${formatProblems(loaded.problems, { color })}\n`)
    process.exitCode = exitCode.usage
    return
  }
  const began = performance.now()
  const { expectation, runConfigTests } = await import('../runtime/control/check/config-tests.ts')
  const results = runConfigTests(loaded.config)
  const failed = results.filter(({ differences }) => differences.length > 0)
  for (const { name, differences } of failed) {
    process.stdout.write(`not ok: ${name}\n`)
    for (const difference of differences) {
      const { path, expected, got } = difference
      process.stdout.write(
        `  ${loaded.locate(path)}: ${expectation(difference)}\n    - ${expected}\n    + ${got}\n`
      )
    }
  }
  const ms = Math.round(performance.now() - began)
  const passed = results.length - failed.length
  if (results.length === 0) process.stdout.write(`${file}: no tests; write them under "tests:"\n`)
  else process.stdout.write(`${file}: ${passed} passed, ${failed.length} failed, ${ms} ms\n`)
  if (failed.length > 0) process.exitCode = exitCode.usage
}
