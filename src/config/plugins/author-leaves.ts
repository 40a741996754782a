import * as leaf from '../schema/leaf/leaf.ts'
import * as leaves from '../schema/leaf/leaves.ts'
import * as network from '../schema/leaf/network-leaves.ts'
import * as secrets from './secret-leaf.ts'
import { suggestion } from '../report/nearest.ts'

// The leaves as authors of plugins get them: no compiler looks at what they give, so that is checked where it is given.

type Given = readonly unknown[]
type Options = Readonly<Record<string, 'number' | 'string' | 'boolean' | 'function' | 'object'>>
/** A sentence about arguments that are wrong. */
type WhyNot = (given: Given) => string | undefined

const noArguments: WhyNot = (given) => (given.length === 0 ? undefined : 'it takes no arguments')

export const word = checked(
  leaves.word,
  'word(["soft", "hard"])',
  ([words, ...more]) =>
    listOfWords(words) ??
    (more.length === 0 ? undefined : 'all words stand in one list, and nothing comes after it')
)
export const text = checked(
  leaves.text,
  'text("the name of a tenant", { max: 100 })',
  ([expected, options]) =>
    typeof expected === 'string' && expected !== ''
      ? optionsProblem(options, {
          min: 'number',
          max: 'number',
          lines: 'boolean',
          json: 'object',
          plain: 'string',
          several: 'string',
          reject: 'function'
        })
      : 'first comes what is expected, in words'
)
export const integer = checked(leaves.integer, 'integer(1, 100)', (given) => boundsProblem(given, true))
export const decimal = checked(leaves.decimal, 'decimal(0, 1)', (given) => boundsProblem(given, false))
export const duration = checked(
  leaves.duration,
  'duration({ max: 60_000, example: "10s" })',
  onlyOptions({ min: 'number', max: 'number', example: 'string' })
)
export const lifetime = checked(
  leaves.lifetime,
  'lifetime({ example: "60s" })',
  onlyOptions({ example: 'string' })
)
export const size = checked(
  leaves.size,
  'size({ max: 65_536, example: "64kb" })',
  onlyOptions({ min: 'number', max: 'number', example: 'string' })
)
export const rate = checked(leaves.rate, 'rate({ example: "20/s" })', onlyOptions({ example: 'string' }))
export const percent = checked(
  leaves.percent,
  'percent({ max: 0.5, example: "20%" })',
  onlyOptions({ max: 'number', example: 'string' })
)
export const flag = checked(leaves.flag, 'flag()', noArguments)
export const on = checked(leaves.on, 'on()', noArguments)
export const off = checked(leaves.off, 'off()', noArguments)
export const secret = checked(secrets.secret, 'secret()', noArguments)
export const fieldName = checked(network.fieldName, 'fieldName()', noArguments)
export const fieldValue = checked(network.fieldValue, 'fieldValue()', ([foreign]) =>
  foreign === undefined || typeof foreign === 'function'
    ? undefined
    : 'it takes nothing, or a function that may refuse'
)
export const listOf = checked(leaf.listOf, 'listOf(text("a client"))', ([item, options]) =>
  isSchema(item)
    ? optionsProblem(options, { min: 'number', max: 'number' })
    : `an item is ${got(item)}; it must be a leaf such as text("a client")`
)
export const mapping = checked(leaf.mapping, 'mapping({ header: fieldName() })', ([shape, options]) => {
  if (!isRecord(shape) || isSchema(shape)) return `it takes the keys and their leaves, and got ${got(shape)}`
  const [key, value] = Object.entries(shape).find(([, each]) => !isSchema(each)) ?? []
  if (key !== undefined)
    return `the key "${key}" is ${got(value)}; it must be a leaf such as text("a client")`
  return optionsProblem(options, {
    elsewhere: 'object',
    example: 'string',
    lone: 'function',
    unknown: 'function'
  })
})

function checked<Make>(make: Make, example: string, whyNot: WhyNot): Make {
  const ask = (...given: Given): unknown => {
    const problem = whyNot(given)
    if (problem === undefined) return (make as (...given: Given) => unknown)(...given)
    const name = example.slice(0, example.indexOf('('))
    throw new TypeError(`${name}(): ${problem.replace(/\?$/, '')}. Write for example ${example}`)
  }
  return ask as Make
}

function listOfWords(words: unknown): string | undefined {
  if (!Array.isArray(words) || words.length === 0) return `it takes a list of words, and got ${got(words)}`
  const other: unknown = words.find((each) => typeof each !== 'string' || each === '')
  return words.every((each) => typeof each === 'string' && each !== '')
    ? undefined
    : `a word is text, and one of these is ${got(other)}`
}

function boundsProblem([min, max, ...more]: Given, whole: boolean): string | undefined {
  const fits = (bound: unknown) => (whole ? Number.isInteger(bound) : Number.isFinite(bound))
  if (!fits(min) || !fits(max)) return `it takes the least and the most, and got ${got(min)} and ${got(max)}`
  if ((min as number) > (max as number)) return `${got(min)} is more than ${got(max)}`
  return more.length === 0 || typeof more[0] === 'string' ? undefined : 'behind the bounds comes nothing'
}

function onlyOptions(known: Options): WhyNot {
  return ([options, ...more]) =>
    more.length === 0 ? optionsProblem(options, known) : 'it takes one mapping of options'
}

function optionsProblem(options: unknown, known: Options): string | undefined {
  if (options === undefined) return undefined
  const names = Object.keys(known)
  if (!isRecord(options) || isSchema(options))
    return `options are a mapping of ${names.join(', ')}, and not ${got(options)}`
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined
    if (kind === undefined) return `unknown option "${name}"${suggestion(name, names)}`
    if (value !== undefined && (typeof value !== kind || value === null || Number.isNaN(value)))
      return `the option "${name}" is ${got(value)}; it must be a ${kind === 'object' ? 'mapping' : kind}`
  }
  return undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isSchema(value: unknown): boolean {
  return typeof (value as { safeParse?: unknown } | null | undefined)?.safeParse === 'function'
}

function got(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'function') return 'a function (without its parentheses?)'
  if (isSchema(value)) return 'a leaf'
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  return isRecord(value) ? 'a mapping' : JSON.stringify(value)
}
