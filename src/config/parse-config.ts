import { dirname, resolve } from 'node:path'
import { type FileProblem, readConfigFile } from './config-file.ts'
import type { Environment } from './environment/environment.ts'
import type { Config } from './model/model.ts'
import type { PluginSet } from './plugins/plugin-set.ts'
import { type Finding, once, type Path, pathText, type Problem } from './report/problem.ts'
import { quickYaml } from './yaml/quick-yaml.ts'
import { rawOf } from './raw-object.ts'
import { validate } from './validate.ts'
import { YamlSource } from './yaml/yaml-source.ts'

export type ConfigResult =
  | {
      readonly ok: true
      readonly config: Config
      readonly warnings: readonly Problem[]
      /** Position of a key, `lb.yaml:12:5`, for messages about problems at run time. */
      readonly locate: (path: Path) => string
      /** The same with the line itself, for problems found later in files that the configuration names. */
      readonly problem: (finding: Finding) => Problem
    }
  /** Sorted by position; includes warnings. */
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Problems that are kept; the formatter prints fewer. */
const MAX_PROBLEMS = 1000
/** Texts from this size on are parsed with the quick parser first: the library takes about 30 ms for this much. */
const LARGE_TEXT = 32_768

export interface ParseOptions {
  /** Name for messages; `file:` secrets and relative paths are relative to its directory. */
  readonly file?: string
  readonly env?: Environment
  /** The imported modules of the text's `plugins` (load-config.ts). */
  readonly plugins?: PluginSet
}

/** Reads, parses and validates a YAML file without plugins; `loadConfig` handles any file. */
export function readYamlConfig(path: string, env: Environment): ConfigResult {
  const text = readConfigFile(path)
  return typeof text === 'string' ? parseConfig(text, { file: path, env }) : unreadable(path, text)
}

export function unreadable(file: string, problem: FileProblem): ConfigResult {
  return { ok: false, problems: [{ severity: 'error', file, path: '', ...problem }] }
}

/** Parses and validates a text. */
export function parseConfig(text: string, options: ParseOptions = {}): ConfigResult {
  return (text.length >= LARGE_TEXT && parseQuickly(text, options)) || parseWithPositions(text, options)
}

/** The configuration of a text without any problem; undefined otherwise, since messages need positions. */
function parseQuickly(text: string, { file, env = {}, plugins }: ParseOptions): ConfigResult | undefined {
  const value = quickYaml(text, env)
  if (value === undefined) return undefined
  const result = validate(value, [], directoryOf(file), file, () => undefined, plugins)
  if (!result.ok || result.findings.length > 0) return undefined
  const locate = (path: Path): string => new YamlSource(text, file, env).locate(path)
  const problem = (finding: Finding): Problem => new YamlSource(text, file, env).problem(finding)
  return { ok: true, config: result.config, warnings: [], locate, problem }
}

function parseWithPositions(text: string, { file, env = {}, plugins }: ParseOptions): ConfigResult {
  const source = new YamlSource(text, file, env)
  if (source.syntax.length > 0) return { ok: false, problems: source.syntax }
  const { value, findings } = source
  const sourceOf = (path: Path): string | undefined => source.sourceOf(path)
  const result = validate(value, findings, directoryOf(file), file, sourceOf, plugins)
  const problems = once(result.findings.map((finding) => source.problem(finding)))
    .sort((a, b) => a.line! - b.line! || a.column! - b.column!)
    .slice(0, MAX_PROBLEMS)
  if (!result.ok) return { ok: false, problems }
  return {
    ok: true,
    config: result.config,
    warnings: problems,
    locate: (path) => source.locate(path),
    problem: (finding) => source.problem(finding)
  }
}

/**
 * Validates an object in the form of the YAML, for embedding. Variables are not substituted: the caller has their
 * values.
 */
export function configFromObject(
  value: unknown,
  { file, plugins }: Pick<ParseOptions, 'file' | 'plugins'> = {}
): ConfigResult {
  const findings: Finding[] = []
  const root = rawOf(value, findings)
  if (findings.length > 0 && root === null)
    return { ok: false, problems: findings.map((finding) => problemOf(finding, file)) }
  const result = validate(root, findings, directoryOf(file), file, () => undefined, plugins)
  const problem = (finding: Finding): Problem => problemOf(finding, file)
  const problems = result.findings.map(problem)
  if (!result.ok) return { ok: false, problems }
  return { ok: true, config: result.config, warnings: problems, locate: pathText, problem }
}

function problemOf({ path, severity, message }: Finding, file: string | undefined): Problem {
  return { severity, message, ...(file !== undefined && { file }), path: pathText(path) }
}

export function directoryOf(file: string | undefined): string {
  return file === undefined ? process.cwd() : dirname(resolve(file))
}
