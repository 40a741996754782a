import { dirname, resolve } from 'node:path'
import { buildConfig } from './build/build.ts'
import { checkAddresses } from './checks/addresses.ts'
import { findHiddenRoutes } from './checks/hidden-routes.ts'
import { checkListeners } from './checks/listeners.ts'
import { checkModes } from './checks/modes.ts'
import { checkNames } from './checks/names.ts'
import { checkPools } from './checks/pools.ts'
import { checkReferences } from './checks/references.ts'
import { EnvText } from './env-text.ts'
import type { Environment } from './environment.ts'
import { readConfigFile } from './config-file.ts'
import { LineIndex } from './line-index.ts'
import type { Config } from './model.ts'
import { refuseNotSupported } from './not-supported.ts'
import { errorAt, type Finding, type Path, pathText, type Problem } from './problem.ts'
import { isMap, type Raw } from './raw.ts'
import { checkSchema, type SourceOf } from './schema-findings.ts'
import { readSecrets } from './secrets.ts'
import { YamlLookup } from './yaml-lookup.ts'
import { parseYaml } from './yaml-parse.ts'
import { readYaml } from './yaml-values.ts'

export type ConfigResult =
  | {
      readonly ok: true
      readonly config: Config
      readonly warnings: readonly Problem[]
      /** Where a key stands, `lb.yaml:12:5`, for messages about what only shows when it runs. */
      readonly locate: (path: Path) => string
    }
  /** Sorted by position; warnings among them. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Problems kept; the formatter prints fewer still. */
const MAX_PROBLEMS = 1000

/** Reads, parses and validates a file. `file:` secrets and relative paths count from its directory. */
export function loadConfig(path: string, env: Environment): ConfigResult {
  const text = readConfigFile(path)
  if (typeof text === 'string') return parseConfig(text, { file: path, env })
  return { ok: false, problems: [{ severity: 'error', file: path, path: '', ...text }] }
}

/** Parses and validates a text; `file` is its name in messages. */
export function parseConfig(text: string, options: { file?: string; env?: Environment } = {}): ConfigResult {
  const { file, env = {} } = options
  const name = file ?? 'config'
  const lines = new LineIndex(text)
  const at = (start: number, end: number, message: string, path: Path = []): Problem => ({
    severity: 'error',
    message,
    file: name,
    path: pathText(path),
    length: Math.max(1, end - start),
    ...lines.locate(start)
  })
  const binary = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.exec(text)
  if (binary !== null) {
    const message = 'a control character is not allowed here; is this a YAML text?'
    return { ok: false, problems: [at(binary.index, binary.index + 1, message)] }
  }
  const yaml = parseYaml(text)
  if ('offset' in yaml) return { ok: false, problems: [at(yaml.offset, yaml.offset + 1, yaml.message)] }
  if (yaml.syntax.length > 0) {
    const problems = yaml.syntax.map(({ offset, message }) => at(offset, offset + 1, message))
    return { ok: false, problems: problems.slice(0, MAX_PROBLEMS) }
  }
  const tree = readYaml(yaml.document, env)
  const lookup = new YamlLookup(yaml.document, tree.anchors)
  const located = (finding: Finding): Problem => {
    const span = tree.spans.get(finding) ?? lookup.spanOf(finding.path, finding.at) ?? { start: 0, end: 1 }
    return { ...at(span.start, span.end, finding.message, finding.path), severity: finding.severity }
  }
  const directory = file === undefined ? process.cwd() : dirname(resolve(file))
  const result = validate(tree.value, tree.findings, directory, file, (path) => lookup.sourceOf(path))
  if (!result.ok) return { ok: false, problems: sorted(result.findings.map(located)) }
  const locate = (path: Path): string => {
    const { line, column } = located(errorAt(path, ''))
    return `${name}:${line}:${column}`
  }
  return { ok: true, config: result.config, warnings: sorted(result.findings.map(located)), locate }
}

/** Validates an object of the YAML's shape, for embedding. Variables are not substituted: the caller has them. */
export function configFromObject(value: unknown): ConfigResult {
  const findings: Finding[] = []
  const root = toRaw(value, [], findings)
  const result = validate(root, findings, process.cwd(), undefined, () => undefined)
  const located = ({ path, severity, message }: Finding): Problem => ({
    severity,
    message,
    path: pathText(path)
  })
  if (!result.ok) return { ok: false, problems: result.findings.map(located) }
  return { ok: true, config: result.config, warnings: result.findings.map(located), locate: pathText }
}

type Validated =
  | { readonly ok: true; readonly config: Config; readonly findings: readonly Finding[] }
  | { readonly ok: false; readonly findings: readonly Finding[] }

const EXAMPLE = 'listeners: [{ bind: ":8080", mode: l7, pool: web }]'

function validate(
  root: Raw,
  before: readonly Finding[],
  directory: string,
  file: string | undefined,
  sourceOf: SourceOf
): Validated {
  if (!isMap(root)) {
    const message =
      root === null
        ? `the configuration is empty; begin with "${EXAMPLE}"`
        : `a configuration is a mapping of keys such as "listeners:" and "pools:"; begin with "${EXAMPLE}"`
    return { ok: false, findings: [...before, errorAt([], message)] }
  }
  // What these take out or replace must not be reported again by the schema.
  const early = [...before, ...refuseNotSupported(root), ...readSecrets(root, directory)]
  const schema = checkSchema(root, sourceOf)
  const late = [
    ...(schema.ok ? [] : schema.findings),
    ...checkReferences(root),
    ...checkAddresses(root),
    ...checkNames(root),
    ...checkPools(root),
    ...checkModes(root),
    ...checkListeners(root)
  ]
  const known = new Set(early.map((finding) => pathText(finding.path)))
  const findings = [...early, ...late.filter((finding) => !known.has(pathText(finding.path)))]
  if (!schema.ok || findings.some((finding) => finding.severity === 'error')) return { ok: false, findings }
  const config = buildConfig(schema.data, directory, file)
  const hidden = config.listeners.flatMap((listener, index) => {
    const written = schema.data.listeners[index]!
    if (listener.mode !== 'l7' || written.mode !== 'l7') return []
    return findHiddenRoutes(listener, index, written.routes.length)
  })
  return { ok: true, config, findings: [...findings, ...hidden] }
}

function sorted(problems: readonly Problem[]): Problem[] {
  return problems
    .toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))
    .slice(0, MAX_PROBLEMS)
}

/** Nothing that JavaScript can hand over is deeper or larger than this and a configuration. */
const MAX_DEPTH = 32

function toRaw(value: unknown, path: Path, findings: Finding[]): Raw {
  if (path.length > MAX_DEPTH) {
    findings.push(errorAt(path, `nested over ${MAX_DEPTH} levels deep; nothing in a configuration is`))
    return null
  }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' || value instanceof EnvText) return value
  if (Array.isArray(value)) return value.map((item, index) => toRaw(item, [...path, index], findings))
  if (typeof value === 'object') {
    const result = Object.create(null) as Record<string, Raw>
    for (const [key, item] of Object.entries(value)) {
      if (key === '__proto__')
        findings.push(errorAt([...path, key], 'the key "__proto__" is not allowed', 'key'))
      else if (item !== undefined) result[key] = toRaw(item, [...path, key], findings)
    }
    return result
  }
  findings.push(errorAt(path, `a ${typeof value} has no place in a configuration`))
  return null
}
