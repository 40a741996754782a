import { pathOf, type Path } from '../config/report/problem.ts'

/** A failed start in one line: the reason, and the line of the file when the error names a setting. */
export function startFailure(error: unknown, locate: (path: Path) => string): string {
  if (!(error instanceof Error)) return `lb: ${String(error)}`
  const setting = 'setting' in error && typeof error.setting === 'string' ? pathOf(error.setting) : undefined
  return setting === undefined ? `lb: ${error.message}` : `${locate(setting)}: error: ${error.message}`
}
