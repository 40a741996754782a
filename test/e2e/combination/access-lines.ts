import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const COMBINED =
  /^\S+ - \S+ \[[^\]]+\] "(?:[^"\\]|\\.)*" \d{3} (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"$/

/** What is wrong with the files of the access log, where there are some. */
export function accessLines(folder: string): readonly string[] {
  const wrong: string[] = []
  for (const name of readdirSync(folder).filter((each) => /^access\.log(?:\.\d+)?$/.test(each))) {
    const text = readFileSync(join(folder, name), 'latin1')
    if (text === '') continue
    const lines = text.split('\n').slice(0, -1)
    if (!text.endsWith('\n')) wrong.push('access log: the last line is torn')
    wrong.push(
      ...lines
        .filter((line) => !COMBINED.test(line) && !line.startsWith('# '))
        .map((line) => `access log: ${line}`)
    )
  }
  for (const name of readdirSync(folder).filter((each) => /^fields\.log(?:\.\d+)?$/.test(each))) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1)) {
      try {
        JSON.parse(line)
      } catch {
        wrong.push(`${name}: ${line}`)
      }
    }
  }
  return wrong
}
