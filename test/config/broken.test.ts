import t from 'tap'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { broken } from './broken.ts'

for (const { name, text, at, says } of broken) {
  t.test(`${name} is refused at ${at}`, async (t) => {
    const result = parseConfig(text, { file: 'lb.yaml', env: {} })
    const problems = result.ok ? [] : result.problems
    const output = formatProblems(problems)
    t.ok(
      problems.some((problem) => `${problem.line}:${problem.column}` === at && says.test(problem.message)),
      output || 'it is accepted'
    )
    t.notMatch(output, /\bat Object\.|node_modules|\.ts:\d+/)
    t.ok(problems.length <= 2, `one mistake makes ${problems.length} problems: ${output}`)
  })
}
