import type { Problem } from './problem.ts'

/** Workflow commands of GitHub Actions: each problem becomes an annotation at its line in a pull request. */
export function formatForGithub(problems: readonly Problem[]): string {
  return problems
    .map(({ severity, message, file = 'config', line = 1, column = 1, length = 1 }) => {
      const place = `file=${property(file)},line=${line},col=${column},endColumn=${column + length}`
      return `::${severity} ${place},title=lb check::${data(message)}`
    })
    .join('\n')
}

function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C')
}
