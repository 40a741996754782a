import type { SyntaxProblem } from './syntax-problem.ts'

/** Lines that no YAML begins with, and letters that only look like those of YAML, in the order of their certainty. */
const SLIPS: readonly (readonly [pattern: RegExp, say: (found: string) => string])[] = [
  [/^(?:<{7}|={7}|>{7})(?= |$)/m, () => 'a conflict of a merge is left here; keep one side, and take out the lines with <, = and >'],
  [/^[ \t]*\{%.*%\}/m, () => 'this is a template of another program; run that first, and give lb what it writes'],
  [/^[ \t]*(?:\/\/|\/\*|--[ ]|;)/m, () => 'a comment begins with "#"'],
  [/(?<=^[ \t]*(?:- )?[\w"'.-]+)[：]/mu, (found) => `"${found}" is not the colon of YAML; write ":" and a space`],
  [/^[ ]*[–—•‑−*+·](?=\s+\S)/mu, (found) => `"${found.trim()}" begins no item of a list; write "- "`],
  [/(?<=^[ ]*(?:- )?[\w-]+:)[\u00a0\u2000-\u200b\u202f\u3000]/mu, (found) => `U+${code(found)} stands behind the colon, and looks like a space; write a space`],
  [/(?<=[:,[{]\s?)[“”‘’„«»](?=[^\n]*$)/mu, (found) => `"${found}" is no quote of YAML; write straight ones: "`]
] // prettier-ignore

/** Letters that people take for others, where they make a text unreadable; none of them behind where a parser gave up. */
export function oddLetters(text: string, near: number): SyntaxProblem | undefined {
  const end = text.indexOf('\n', near)
  const part = end === -1 ? text : text.slice(0, end)
  for (const [pattern, say] of SLIPS) {
    const found = pattern.exec(part)
    if (found === null) continue
    return { offset: found.index + found[0].search(/\S|[\u00a0\u2000-\u3000]/), message: say(found[0]) }
  }
  return undefined
}

function code(letter: string): string {
  return letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')
}
