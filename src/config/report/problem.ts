/** A problem in a configuration, ready to be shown. Lines and columns count from 1. */
export interface Problem {
  readonly severity: 'error' | 'warning'
  readonly message: string
  /** The file's name as the user gave it; undefined when the config was given as an object. */
  readonly file?: string
  /** `listeners[0].pool`; empty for the file as a whole. */
  readonly path: string
  readonly line?: number
  readonly column?: number
  /** Characters to underline, at least 1. */
  readonly length?: number
  /** The line of source, unclipped and unescaped. */
  readonly source?: string
}

export type Path = readonly (string | number)[]

/** A problem before it is located in the text: its path, and whether the key or the value is meant. */
export interface Finding {
  readonly severity: 'error' | 'warning'
  readonly path: Path
  readonly at: 'key' | 'value'
  readonly message: string
}

export function errorAt(path: Path, message: string, at: 'key' | 'value' = 'value'): Finding {
  return { severity: 'error', path, at, message }
}

export function warningAt(path: Path, message: string, at: 'key' | 'value' = 'value'): Finding {
  return { severity: 'warning', path, at, message }
}

/** Formats `['listeners', 0, 'pool']` as `listeners[0].pool`. */
export function pathText(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (/^[\w-]+$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** Parses a path written by pathText; undefined for any other text. */
export function pathOf(text: string): Path | undefined {
  if (!/^(?:[\w-]+|\["(?:[^"\\]|\\.)*"\])(?:\[\d+\]|\.[\w-]+|\["(?:[^"\\]|\\.)*"\])*$/.test(text))
    return undefined
  const parts = text.matchAll(/\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([\w-]+)/g)
  return [...parts].map(([, index, quoted, word]) =>
    index !== undefined ? Number(index) : (word ?? (JSON.parse(quoted!) as string))
  )
}

/** What stands behind an anchor of YAML is checked again for each alias: what is wrong there is said once. */
export function once(problems: readonly Problem[]): Problem[] {
  const said = new Map<string, Problem>()
  for (const problem of problems) {
    const { line, column, path, message } = problem
    const key = JSON.stringify([line === undefined ? path : [line, column], message])
    if (!said.has(key)) said.set(key, problem)
  }
  return [...said.values()]
}
