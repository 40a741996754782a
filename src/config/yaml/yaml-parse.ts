import { messageOf } from '../../core/errors.ts'
import { likelyCause } from './likely-cause.ts'
import { oddLetters } from './odd-letters.ts'
import type { SyntaxProblem } from './syntax-problem.ts'
import { type Document, parseDocument, type YAMLError } from 'yaml'

export interface YamlText {
  readonly document: Document.Parsed
  readonly syntax: readonly SyntaxProblem[]
}

/** Parses the text as one YAML document. Keys are checked for duplicates later: the library's check is quadratic. */
export function parseYaml(text: string): YamlText | SyntaxProblem {
  const deep = tooDeepAt(text)
  if (deep !== undefined) return { offset: deep, message: TOO_DEEP }
  try {
    // The library would take eight seconds for five million line breaks.
    const document = parseDocument(text.trim() === '' ? '' : text, {
      uniqueKeys: false,
      prettyErrors: false,
      // Not 'silent', which would accept a second document without an error.
      logLevel: 'error',
      schema: 'core',
      resolveKnownTags: false,
      merge: false,
      stringKeys: false
    })
    return { document, syntax: syntaxProblems(text, [...document.errors, ...document.warnings]) }
  } catch (error) {
    return { offset: 0, message: `not YAML: ${messageOf(error)}` }
  }
}

const TOO_DEEP = 'nested too deep to be a configuration; is a bracket or a quote missing before it?'
const MAX_BRACKETS = 500

/**
 * Where brackets or dashes pile up beyond any configuration: the library takes 3 µs and 1 KB for each of them, and then
 * runs out of stack. Quotes are ignored; no real file has hundreds of open brackets in them.
 */
function tooDeepAt(text: string): number | undefined {
  const dashes = /(?:[-?] ){200}/.exec(text)
  if (dashes !== null) return dashes.index
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    // `{` and `}` are `[` and `]` with one more bit set.
    const code = text.charCodeAt(at) & 0xffdf
    if (code === 0x5b) {
      if (++depth > MAX_BRACKETS) return at
    } else if (code === 0x5d && depth > 0) depth--
  }
  return undefined
}

/** Errors that the library reports after the mistake, or in words of its grammar. */
const MISLEADING: ReadonlySet<string> = new Set([
  'BAD_INDENT',
  'MISSING_CHAR',
  'UNEXPECTED_TOKEN',
  'BLOCK_AS_IMPLICIT_KEY',
  'MULTILINE_IMPLICIT_KEY',
  'BLOCK_IN_FLOW',
  'IMPOSSIBLE'
])

/** Errors of the library with clearer messages. */
const OWN_WORDS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab is used as indentation; YAML indents with spaces',
  MULTIPLE_DOCS: 'a second YAML document begins here; a configuration is one document, remove the "---"',
  BAD_ALIAS: 'an alias needs a name of letters and digits, and an anchor "&name" before it',
  TAG_RESOLVE_FAILED: 'tags such as !name are not used here; remove it, or put the text in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a value is nested here without its own line; check the indentation and the colons',
  BLOCK_IN_FLOW:
    'between brackets and braces nothing may be indented as a block; write { key: value }, and a value with ": " in quotes',
  MULTILINE_IMPLICIT_KEY: 'a colon is missing, or a key goes over several lines; write "key: value"',
  KEY_OVER_1024_CHARS: 'a key is over 1024 characters long; is a quote missing before it?',
  BAD_SCALAR_START: 'a plain value may not begin with "@", "`" or "%"; put it in quotes',
  BAD_DQ_ESCAPE: 'an unknown escape between double quotes; write "\\\\" for a backslash, or use single quotes'
}

/** What to do about the other errors. */
const CURES: Readonly<Record<string, string>> = {
  MISSING_CHAR: 'close what is open',
  BAD_INDENT: 'indent it like its neighbours'
}

/** A parser that got lost reports an error for each further word: only the first of a line counts, and few in all. */
const MAX_SYNTAX_PROBLEMS = 5

function syntaxProblems(text: string, errors: readonly YAMLError[]): SyntaxProblem[] {
  const problems: SyntaxProblem[] = []
  let lineEnd = -1
  const [first] = errors.toSorted((a, b) => a.pos[0] - b.pos[0])
  const cause =
    first === undefined || !MISLEADING.has(first.code) ? undefined : likelyCause(text, first.pos[0])
  if (cause !== undefined) return [cause]
  const letters =
    first?.code === 'BAD_ALIAS' || first?.code === 'BAD_SCALAR_START'
      ? oddLetters(text, first.pos[0])
      : undefined
  if (letters !== undefined) return [letters]
  for (const error of errors.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    // Behind the first one these say where the parser has lost its way, not what is wrong.
    if (problems.length > 0 && (error.pos[0] <= lineEnd || MISLEADING.has(error.code))) continue
    problems.push(syntaxProblem(error))
    if (problems.length === MAX_SYNTAX_PROBLEMS) break
    const end = text.indexOf('\n', error.pos[0])
    lineEnd = end === -1 ? text.length : end
  }
  return problems
}

function syntaxProblem(error: YAMLError): SyntaxProblem {
  const offset = error.pos[0]
  const own = OWN_WORDS[error.code]
  if (own !== undefined) return { offset, message: own }
  const message = error.message.split('\n')[0]!
  if (message.includes('call stack')) return { offset, message: TOO_DEEP }
  const plain = message.charAt(0).toLowerCase() + message.slice(1)
  const cure = CURES[error.code] ?? 'check the colons, quotes and brackets up to here'
  return { offset, message: `not valid YAML: ${plain}; ${cure}` }
}
