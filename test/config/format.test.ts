import t from 'tap'
import { formatProblems } from '../../src/config/report/format-problems.ts'
import type { Problem } from '../../src/config/report/problem.ts'

const problem: Problem = {
  severity: 'error',
  message: 'unknown key "pol"; did you mean "pool"?',
  file: 'lb.yaml',
  path: 'listeners[0].pol',
  line: 12,
  column: 5,
  length: 3,
  source: '    pol: web'
}

t.test('a problem is a line, the source and a caret', async (t) => {
  t.equal(
    formatProblems([problem]),
    [
      'lb.yaml:12:5: error: unknown key "pol"; did you mean "pool"?',
      '   12 |     pol: web',
      '      |     ^~~'
    ].join('\n')
  )
})

t.test('without a text the path stands for the place', async (t) => {
  const { line: _line, column: _column, source: _source, file: _file, ...rest } = problem
  t.equal(formatProblems([rest]), 'config: listeners[0].pol: error: unknown key "pol"; did you mean "pool"?')
  t.equal(formatProblems([{ ...rest, path: '' }]), 'config: error: unknown key "pol"; did you mean "pool"?')
})

t.test('long lines are cut around the caret', async (t) => {
  for (const column of [1, 100, 149, 150, 5000, 99_990]) {
    const source = `${'x'.repeat(column - 1)}HERE${'y'.repeat(100_000 - column)}`
    const lines = formatProblems([{ ...problem, source, column, length: 4 }]).split('\n')
    for (const line of lines) t.ok(line.length <= 160, `${line.length} columns`)
    const at = lines[2]!.indexOf('^')
    t.equal(lines[1]!.slice(at, at + 4), 'HERE', `at column ${column}`)
  }
})

t.test('control characters of a file never reach the terminal', async (t) => {
  const output = formatProblems([
    { ...problem, message: 'got "\u001b[2J"', source: '\u001b[31m\u009b\u202epol\u0007: \tx', column: 8 }
  ])
  t.notMatch(output, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  t.match(output, '\\x1b[2J')
})

t.test('fifty problems are printed, the rest is counted', async (t) => {
  const output = formatProblems(Array.from({ length: 60 }, () => problem))
  t.equal(output.split('\n').length, 151)
  t.match(output, /… and 10 more$/)
})
