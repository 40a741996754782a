import { ControlError } from '../../../admin/control-plane.ts'
import type { ExplanationView } from '../../../admin/api/explanation.ts'
import type { Config, ConfigTest } from '../../../config/model/model.ts'
import { errorAt, type Finding, type Path } from '../../../config/report/problem.ts'
import { explainRequest } from './explain.ts'

/** An expectation of a test that was not met. */
export interface Difference {
  /** Path of the expectation. */
  readonly path: Path
  readonly expected: string
  readonly got: string
}

export interface ConfigTestResult {
  readonly name: string
  /** Empty when the test passes. */
  readonly differences: readonly Difference[]
}

/** The word of `expect` that was not met. */
export function expectation({ path }: Difference): string {
  return String(path.findLast((step) => typeof step === 'string'))
}

/** Runs the tests of a configuration through the same stages as traffic. No socket is opened, nothing is counted. */
export function runConfigTests(config: Config): ConfigTestResult[] {
  return config.tests.map((test, index) => {
    const name = test.name ?? `${test.request.method} ${test.request.url}`
    return { name, differences: [...differences(config, test, ['tests', index])] }
  })
}

/** The failing tests as errors in the file. */
export function configTestFindings(config: Config): Finding[] {
  return runConfigTests(config).flatMap(({ name, differences }) =>
    differences.map((difference) => {
      const { path, expected, got } = difference
      return errorAt(path, `the test "${name}" expects ${expectation(difference)} ${expected}, got ${got}`)
    })
  )
}

function* differences(config: Config, test: ConfigTest, at: Path): Generator<Difference> {
  const { request, expect } = test
  let found: ExplanationView
  try {
    found = explainRequest(
      config,
      { ...request, headers: Object.entries(request.headers) },
      { pseudonym: '', ports: {}, store: () => undefined, now: Date.now() }
    )
  } catch (error) {
    if (!(error instanceof ControlError)) throw error
    yield { path: [...at, 'request', 'url'], expected: 'a listener for it', got: error.message }
    return
  }
  const path = [...at, 'expect']
  const { route, pool, status, location, forwards, sends, cacheKey, notes } = expect
  yield* compare([...path, 'route'], route, found.route ?? 'none', refusal(found))
  yield* compare([...path, 'pool'], pool, poolOf(found))
  yield* compare([...path, 'status'], status, statusOf(found))
  yield* compare(
    [...path, 'location'],
    location,
    found.action?.kind === 'redirect' ? found.action.location : 'none'
  )
  const forwarded = found.answers === undefined ? found.forwards : undefined
  yield* compare([...path, 'forwards'], forwards, forwarded ?? `none${refusal(found)}`)
  for (const [name, value] of Object.entries(sends ?? {}))
    yield* compareField([...path, 'sends', name], name, value, found)
  if (cacheKey !== undefined) {
    const key = found.cache?.key ?? 'none'
    if (cacheKey === 'none' ? key !== 'none' : !key.includes(cacheKey)) {
      yield { path: [...path, 'cacheKey'], expected: cacheKey, got: key }
    }
  }
  for (const [index, note] of (notes ?? []).entries()) {
    if (found.notes?.some((said) => said.includes(note)) === true) continue
    yield { path: [...path, 'notes', index], expected: note, got: found.notes?.join('; ') || 'no notes' }
  }
}

function* compare(
  path: Path,
  expected: string | number | undefined,
  got: string | number,
  why = ''
): Generator<Difference> {
  if (expected === undefined || expected === got) return
  yield { path, expected: String(expected), got: `${got}${got === 'none' ? why : ''}` }
}

function* compareField(
  path: Path,
  name: string,
  expected: string | false,
  found: ExplanationView
): Generator<Difference> {
  const prefix = `${name.toLowerCase()}:`
  const lines = (found.sends ?? []).filter((line) => line.toLowerCase().startsWith(prefix))
  const got =
    lines.length === 0 ? undefined : lines.map((line) => line.slice(prefix.length).trim()).join(', ')
  if (expected === false ? got === undefined : got !== undefined && (expected === '*' || got === expected))
    return
  yield {
    path,
    expected: expected === false ? 'not there' : `"${expected}"`,
    got: got === undefined ? 'not there' : `"${got}"`
  }
}

/** The pool that gets the request: none where lb answers itself. */
function poolOf(found: ExplanationView): string {
  const { action, answers, refused } = found
  if (answers !== undefined || refused !== undefined || action === undefined) return `none${refusal(found)}`
  if (action.kind === 'pool') return action.pool
  if (action.kind === 'split') return action.targets.map(({ pool }) => pool).join(' or ')
  return 'none'
}

function statusOf(found: ExplanationView): string | number {
  const { action, refused, answers } = found
  if (action === undefined && refused === undefined) return `none${refusal(found)}`
  return refused?.status ?? answers?.status ?? 'an answer by the backend'
}

/** Why nothing of it reaches a backend. */
function refusal({ refused, answers, action, notes }: ExplanationView): string {
  if (refused !== undefined) return ` (${refused.status} ${refused.code}: ${refused.why})`
  if (action?.kind === 'pool' || action?.kind === 'split')
    return answers === undefined ? '' : ` (lb answers itself, with ${answers.status})`
  // The listener does not even read it.
  return action === undefined && notes !== undefined ? ` (${notes.at(-1)})` : ''
}
