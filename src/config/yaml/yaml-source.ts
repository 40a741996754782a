import type { Document } from 'yaml'
import type { Environment } from '../environment/environment.ts'
import { LineIndex } from './line-index.ts'
import { errorAt, type Finding, type Path, pathText, type Problem } from '../report/problem.ts'
import type { Raw } from '../raw.ts'
import { YamlLookup } from './yaml-lookup.ts'
import type { Span } from './yaml-nodes.ts'
import type { SyntaxProblem } from './syntax-problem.ts'
import { parseYaml } from './yaml-parse.ts'
import { yamlValues } from './yaml-values.ts'
import { guessedWithoutSecrets, lineWithoutSecrets, secretSpans } from '../secrets/yaml-secrets.ts'

/** A YAML text: its values, and the position of each. */
export class YamlSource {
  /** Errors that prevent parsing; the values are empty then. */
  readonly syntax: readonly Problem[]
  readonly value: Raw = null
  readonly findings: readonly Finding[] = []
  readonly #file: string
  readonly #lines: LineIndex
  // No closures in fields: V8 keeps the last one stored in a class's field through minor collections, with everything
  // that it refers to. With the document in it, each reload left 60 KB that only a full collection freed.
  readonly #lookup: YamlLookup | undefined
  readonly #spans: ReadonlyMap<Finding, Span> | undefined
  readonly #document: Document.Parsed | undefined
  /** Where secrets stand: found when the first line is shown. */
  #secrets: readonly Span[] | undefined
  /** The line shown last: a minified file is one line of megabytes with a thousand problems. */
  #lastShown: { readonly offset: number; readonly text: string } | undefined

  constructor(text: string, file: string | undefined, env: Environment) {
    this.#file = file ?? 'config'
    this.#lines = new LineIndex(text)
    const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.exec(text)
    const yaml = control === null ? parseYaml(text) : controlCharacter(control.index)
    const syntax: readonly SyntaxProblem[] = 'offset' in yaml ? [yaml] : yaml.syntax
    this.syntax = syntax.map(({ offset, message }) =>
      this.#problemAt({ start: offset, end: offset }, message)
    )
    if ('offset' in yaml || syntax.length > 0) return
    const { value, findings, spans, anchors } = yamlValues(yaml.document, env)
    this.value = value
    this.findings = findings
    this.#lookup = new YamlLookup(yaml.document, anchors)
    this.#spans = spans
    this.#document = yaml.document
  }

  /** The scalar at a path as written. */
  sourceOf(path: Path): string | undefined {
    return this.#lookup?.sourceOf(path)
  }

  /** Adds its position to the finding. */
  problem(finding: Finding): Problem {
    const found = this.#spans?.get(finding) ?? this.#lookup?.spanOf(finding.path, finding.at)
    const span = found ?? { start: 0, end: 1 }
    return { ...this.#problemAt(span, finding.message, finding.path), severity: finding.severity }
  }

  /** `lb.yaml:12:5`: the position of the value at a path. */
  locate(path: Path): string {
    const { line, column } = this.problem(errorAt(path, ''))
    return `${this.#file}:${line}:${column}`
  }

  #problemAt({ start, end }: Span, message: string, path: Path = []): Problem {
    const { line, column, source } = this.#lines.locate(start)
    return {
      severity: 'error',
      message,
      file: this.#file,
      path: pathText(path),
      length: Math.max(1, end - start),
      line,
      column,
      source: this.#shown(source, start - (column - 1))
    }
  }

  /** Lines go to logs, and to callers of the admin API. */
  #shown(line: string, offset: number): string {
    if (this.#lastShown?.offset === offset) return this.#lastShown.text
    if (this.#document !== undefined) this.#secrets ??= secretSpans(this.#document)
    const text =
      this.#secrets === undefined
        ? guessedWithoutSecrets(line)
        : lineWithoutSecrets(line, offset, this.#secrets)
    this.#lastShown = { offset, text }
    return text
  }
}

function controlCharacter(offset: number): SyntaxProblem {
  return { offset, message: 'a control character is not allowed here; is this a YAML text?' }
}
