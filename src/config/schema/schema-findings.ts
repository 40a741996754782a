import { own } from '../../core/own.ts'
import type { z } from 'zod'
import { EnvText } from '../environment/env-text.ts'
import { foreignCure, foreignModes } from '../report/foreign-words.ts'
import { isNear, suggestion } from '../report/nearest.ts'
import { errorAt, type Finding, type Path } from '../report/problem.ts'
import { isMap, type Raw, type RawMap, valueAt } from '../raw.ts'
import { otherPlace } from './key-places.ts'
import { GUESSED, type LeafIssue } from './leaf/leaf.ts'
import { shapeOf } from './leaf/shape.ts'
import { l4Schema, l7Schema } from './listener/listener.ts'
import { probeTypes } from './pool/probe.ts'
import { type RootInput, rootSchema } from './root.ts'
import { cureByForm, namesCure } from './value-cures.ts'

type Issue = z.core.$ZodIssue

/** The scalar at a path as written in the file, for "got the number 1.0". */
export type SourceOf = (path: Path) => string | undefined

export type SchemaResult =
  | { readonly ok: true; readonly data: RootInput }
  | { readonly ok: false; readonly findings: readonly Finding[] }

/** Validates the values against the schema and describes each mismatch in readable words. */
export function checkSchema(root: Raw, sourceOf: SourceOf): SchemaResult {
  const result = rootSchema.safeParse(root)
  if (result.success) return { ok: true, data: result.data }
  const translation = new Translation(root, sourceOf)
  for (const issue of result.error.issues) translation.add(issue, [])
  return { ok: false, findings: translation.findings }
}

/** The same for a value with a schema of its own, at a path. */
export function translate(
  root: Raw,
  sourceOf: SourceOf,
  issues: readonly Issue[],
  base: Path
): readonly Finding[] {
  const translation = new Translation(root, sourceOf)
  for (const issue of issues) translation.add(issue, base)
  return translation.findings
}

class Translation {
  readonly findings: Finding[] = []
  readonly #root: Raw
  readonly #sourceOf: SourceOf

  constructor(root: Raw, sourceOf: SourceOf) {
    this.#root = root
    this.#sourceOf = sourceOf
  }

  add(issue: Issue, base: Path): void {
    const path = [...base, ...(issue.path as (string | number)[])]
    const value = valueAt(this.#root, path)
    switch (issue.code) {
      case 'unrecognized_keys': {
        if (value instanceof EnvText) return this.#expected(path, 'a mapping')
        const messages = issue.message.split('\n')
        for (const [index, key] of issue.keys.entries()) {
          this.findings.push(errorAt([...path, key], this.#unknown(path, key, messages[index]!), 'key'))
        }
        return
      }
      case 'invalid_key': {
        const inner = issue.issues[0] as { params?: LeafIssue } | undefined
        const { sentence, expected = 'another key', cure } = inner?.params ?? {}
        const reason = sentence ?? `expected ${expected}${cure === undefined ? '' : `; ${cure}`}`
        this.findings.push(errorAt(path, reason, 'key'))
        return
      }
      case 'invalid_union':
        return this.#union(issue, path)
      case 'custom':
        return this.#leaf(path, leafIssue(issue))
      case 'too_small':
        this.findings.push(errorAt(path, 'the list is empty; it needs at least one item'))
        return
      case 'too_big':
        this.findings.push(errorAt(path, `too many items; at most ${issue.maximum} are allowed`))
        return
      case 'invalid_type':
        return this.#expected(
          path,
          typeWord(issue),
          cureOf(issue) ?? (issue.expected === 'record' ? namesCure(valueAt(this.#root, path)) : undefined)
        )
      case 'invalid_value':
        return this.#expected(path, issue.values.map((word) => JSON.stringify(word)).join(' or '))
      default:
        this.findings.push(errorAt(path, issue.message))
    }
  }

  /** A guess from the spelling is used only if nothing more is known about the key. */
  #unknown(path: Path, key: string, message: string): string {
    const [said, guess] = message.split(GUESSED)
    if (guess === undefined) return message
    if (
      valueAt(this.#root, [...path, key]) === null &&
      /^[\w.-]+$/.test(key) &&
      !guess.includes('did you mean')
    )
      return `${said!}${otherPlace(path, key, shapeOf(rootSchema)) ?? '; a list stands in square brackets: [a, b]'}`
    return `${said!}${isSlip(guess, key) ? guess : (otherPlace(path, key, shapeOf(rootSchema)) ?? guess)}`
  }

  #leaf(path: Path, issue: LeafIssue): void {
    if (valueAt(this.#root, path) !== undefined && issue.sentence !== undefined) {
      this.findings.push(errorAt(path, issue.sentence))
      return
    }
    this.#expected(path, issue.expected, issue.cure)
  }

  #expected(path: Path, expected: string, given?: string): void {
    const value = valueAt(this.#root, path)
    const cure = given ?? cureByForm(expected, value)
    if (value === undefined) {
      const tail = cure === undefined ? '' : `; ${cure}`
      const message = `missing key "${String(path.at(-1))}": expected ${expected}${tail}`
      this.findings.push(errorAt(path.slice(0, -1), message, 'key'))
      return
    }
    const written = this.#sourceOf(path)
    const shown = written ?? textOfRaw(value)
    const tail = cure === undefined ? '' : `; ${cure.replace('@', () => shown)}`
    this.findings.push(errorAt(path, `expected ${expected}, got ${describe(value, written)}${tail}`))
  }

  #union(issue: Issue & { code: 'invalid_union' }, path: Path): void {
    if ('discriminator' in issue && issue.discriminator !== undefined) {
      return this.#discriminator(String(issue.discriminator), path)
    }
    const value = valueAt(this.#root, path)
    const branches: readonly Issue[][] = issue.errors
    // The branch that accepts this kind of value is meant: its issues are deeper, or about a size.
    const fitting = branches.filter((issues) => issues.every((inner) => !isKindMismatch(inner)))
    const meant = fitting.toSorted((a, b) => strangeness(a) - strangeness(b))[0]
    if (meant !== undefined) return meant.forEach((inner) => this.add(inner, path))
    const scalar = typeof value !== 'object' || value === null || value instanceof EnvText
    const inner = branches.flat().flatMap(atRoot)
    const custom = inner.filter((issue) => issue.code === 'custom')
    // What is said in a sentence knows more than what lists the kinds.
    const leaf = custom.find((issue) => leafIssue(issue).sentence !== undefined) ?? custom[0]
    const params = leaf === undefined ? undefined : leafIssue(leaf)
    if (scalar && params?.sentence !== undefined) return this.#leaf(path, params)
    const expected = new Set(inner.flatMap(expectation))
    const lone = inner.map((each) => (each.code === 'invalid_type' ? cureOf(each) : undefined))
    const leaves = inner.flatMap((each) => (each.code === 'custom' ? (leafIssue(each).cure ?? []) : []))
    const record = inner.find((each) => each.code === 'invalid_type' && each.expected === 'record')
    const names = record === undefined ? undefined : namesCure(value)
    // Where true and false may stand, `off` is one of them.
    const flag = scalar ? leaves.find((each) => /^write (?:true|false)$/.test(each)) : undefined
    const cure = flag ?? lone.find((each) => each !== undefined) ?? (scalar ? leaves[0] : undefined) ?? names
    this.#expected(path, [...expected].join(', or '), cure)
  }

  /** `mode` or `type` is missing or unknown; other problems in the mapping are reported by the likeliest branch. */
  #discriminator(key: string, path: Path): void {
    const parent = path.at(-1) === key ? path.slice(0, -1) : path
    const value = valueAt(this.#root, parent)
    const words = key === 'mode' ? ['l4', 'l7'] : probeTypes
    if (!isMap(value)) return this.#expected(parent, 'a mapping')
    const given = value[key]
    const cure = key === 'mode' ? modeCure(given) : typeCure(given, value)
    this.#expected([...parent, key], `one of ${words.join(', ')}`, cure)
    if (key !== 'mode') return
    const guess = 'routes' in value || !('sni' in value) ? l7Schema : l4Schema
    const result = guess.safeParse({ ...value, mode: guess === l7Schema ? 'l7' : 'l4' })
    if (!result.success) for (const inner of result.error.issues) this.add(inner, parent)
  }
}

/** Whether the guess differs by one letter: `timeout` for `timeouts`. */
function isSlip(guess: string, key: string): boolean {
  const meant = /did you mean "(.*)"\?$/.exec(guess)?.[1]
  return meant !== undefined && isNear(key, meant)
}

function modeCure(given: Raw | undefined): string | undefined {
  if (given === undefined) return 'l7 is HTTP, l4 is TCP'
  if (typeof given !== 'string' && typeof given !== 'number') return undefined
  // One letter away from both.
  if (/^l(?![47]$)\d+$/i.test(String(given))) return 'l7 is HTTP, l4 is TCP'
  return foreignCure(String(given), foreignModes) ?? nearWord(String(given), ['l4', 'l7'])
}

/** HAProxy's checks, without `-check` behind them. */
const CHECKS: Readonly<Record<string, string>> = {
  pgsql: 'postgres',
  postgresql: 'postgres',
  mariadb: 'mysql',
  mysql: 'mysql',
  redis: 'redis',
  smtp: 'smtp',
  http: 'http',
  tcp: 'tcp',
  ssl: 'tls',
  'ssl-hello': 'tls'
}

function typeCure(given: Raw | undefined, probe: RawMap): string | undefined {
  if (typeof given === 'string' && /^(?:exec|cmd|command|script|shell|external)$/i.test(given))
    return 'lb does not run programs; use `type: tcp` with `send` and `expect`, or an http path that runs it'
  if (typeof given === 'string' && /^(?:icmp|ping)$/i.test(given))
    return '`type: tcp` opens a connection, which says more than a ping'
  const check =
    typeof given === 'string'
      ? own(CHECKS, given.toLowerCase().replace(/[-_]?(?:check|chk)$/, ''))
      : undefined
  if (check !== undefined) return `write ${check}`
  if (typeof given === 'string' && /^agent(?:[-_]?check)?$/i.test(given))
    return 'lb asks no agents; use an http path, with `port` where another server answers it'
  if (given === undefined)
    return ['path', 'uri', 'url', 'endpoint'].some((key) => key in probe)
      ? 'with a path it is http or https'
      : undefined
  return typeof given === 'string' ? nearWord(given, probeTypes) : undefined
}

function nearWord(given: string, words: readonly string[]): string | undefined {
  const near = suggestion(given, words)
  return near.includes('did you mean') ? near.slice(2) : undefined
}

/** Of several mappings, the one that has these keys is meant. */
function strangeness(issues: readonly Issue[]): number {
  const [one] = issues
  if (issues.length === 1 && one!.code === 'invalid_union' && one!.path.length === 0) {
    const branches: readonly Issue[][] = one!.errors
    return Math.min(...branches.filter((inner) => !inner.some(isKindMismatch)).map(strangeness))
  }
  const strange = issues.map((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys.length : 0
  )
  return strange.reduce((sum, count) => sum + count, 0) * 100 + issues.length
}

/** Whether a branch does not accept this kind of value. */
function isKindMismatch(issue: Issue): boolean {
  if (issue.path.length > 0) return false
  if (issue.code === 'invalid_union') return issue.errors.every((branch) => branch.some(isKindMismatch))
  return issue.code === 'invalid_type' || issue.code === 'custom'
}

/** The issues about the value itself, also those inside of nested unions. */
function atRoot(issue: Issue): Issue[] {
  if (issue.path.length > 0) return []
  return issue.code === 'invalid_union' ? issue.errors.flat().flatMap(atRoot) : [issue]
}

function expectation(issue: Issue): string[] {
  if (issue.code === 'custom') return [leafIssue(issue).expected]
  return issue.code === 'invalid_type' ? [typeWord(issue)] : []
}

/** A check that a plugin's author has added to a leaf (`refine`) has its message only. */
function leafIssue(issue: Issue): LeafIssue {
  const { message, params } = issue as unknown as { message: string; params?: LeafIssue }
  return params?.leaf === true ? params : { leaf: true, expected: message, sentence: message }
}

function typeWord({ expected, message }: Issue & { code: 'invalid_type' }): string {
  if (expected === 'array') return 'a list'
  if (expected === 'record') return 'a mapping of names'
  // Messages of lb's mappings describe them; for a missing mapping of another kind there is no description.
  return message.startsWith('a mapping') ? message.split('\n')[0]! : 'a mapping'
}

/** The part of a message after the description of the mapping. */
function cureOf({ message }: Issue): string | undefined {
  return message.startsWith('a mapping') ? message.split('\n')[1] : undefined
}

/** A mapping without prototype has no text of its own. */
function textOfRaw(value: Raw): string {
  if (Array.isArray(value)) return `[${(value as readonly Raw[]).map(textOfRaw).join(', ')}]`
  if (value instanceof EnvText) return value.text
  return typeof value === 'object' && value !== null ? '{ … }' : String(value)
}

function describe(value: Raw, written: string | undefined): string {
  if (value === null) return 'nothing'
  if (typeof value === 'number') return `the number ${written ?? value}`
  if (typeof value === 'boolean') return String(value)
  if (value instanceof EnvText) return `${JSON.stringify(value.text)} (from ${written ?? 'a variable'})`
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  }
  return Array.isArray(value) ? 'a list' : 'a mapping'
}
