import { type Document, isMap, isScalar, isSeq } from 'yaml'
import { keyName, type Span, spanOf } from '../yaml/yaml-nodes.ts'
import { isPlainly } from './finding-without-secrets.ts'
import { isAskedUrl, isSecretPath } from './secret-places.ts'

const MAX_DEPTH = 32
/** What stands for a secret and is none: a variable without a default, a path. */
const reference = /^(?:\$\{\w+\}|file:\S*)$/

interface SecretSpan extends Span {
  /** It may hold placeholders, `{client}`: their names are no secret, and errors are about them. */
  readonly template?: boolean
}

/** Where the secrets of a YAML text stand, by their offsets; passwords within URLs are masked by pattern instead. */
export function secretSpans(document: Document.Parsed): SecretSpan[] {
  const spans: SecretSpan[] = []
  collect(document.contents, [], false, spans)
  return spans
}

/** `secret`: it stands below the name of one, where no mapping belongs. */
function collect(node: unknown, path: readonly string[], secret: boolean, spans: SecretSpan[]): void {
  if (path.length > MAX_DEPTH) return
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const below = [...path, keyName(key) ?? '']
      collect(value, below, secret || isHidden(below), spans)
    }
  } else if (isSeq(node)) {
    for (const item of node.items) collect(item, [...path, ''], secret, spans)
  } else if (secret && isScalar(node) && !isShown(path, node.source ?? '')) {
    const span = spanOf(node)
    if (span !== undefined && span.start < span.end) {
      spans.push({ ...span, template: path.at(-1) === 'body' })
    }
  } else if (isScalar(node) && isAskedUrl(path.at(-1) ?? '')) {
    const query = (node.source ?? '').indexOf('?') + 1
    const span = spanOf(node)
    if (span === undefined || query === 0) return
    const quote = node.type === 'PLAIN' ? 0 : 1
    spans.push({ start: span.start + quote + query, end: span.end - quote })
  }
}

function isShown(path: readonly string[], written: string): boolean {
  return reference.test(written) || isPlainly(path, written)
}

function isHidden(path: readonly string[]): boolean {
  const names = path.filter((name) => name !== '')
  // What a plugin takes for a secret is not known while the text is read.
  return isSecretPath(names) || (names.includes('plugins') && /^(?:.*key|pass|pw)$/i.test(path.at(-1) ?? ''))
}

/** A line of the text whose first character stands at `offset`, with the secrets in it as asterisks, one a character, but for
 * names of placeholders. */
export function lineWithoutSecrets(line: string, offset: number, spans: readonly SecretSpan[]): string {
  const pieces: string[] = []
  let done = 0
  for (const { start, end, template } of spans) {
    const from = Math.max(done, start - offset)
    const to = Math.min(line.length, end - offset)
    if (from >= to) continue
    pieces.push(
      line.slice(done, from),
      template === true ? starsBetween(line.slice(from, to)) : stars(to - from)
    )
    done = to
  }
  return withoutPasswords(pieces.join('') + line.slice(done))
}

/** The same where the text could not be understood: by the names of keys, and in URLs. */
export function guessedWithoutSecrets(line: string): string {
  return withoutPasswords(
    line.replace(
      /((?:token|passw\w*|secret|credential|(?:api|private)[-_]?keys?|authorization)["']?\s*:\s*)(?!\$\{\w+\}|file:)([^,}\]\s#][^,}\]#]*)/gi,
      (_, before: string, value: string) => before + stars(value.length)
    )
  )
}

function withoutPasswords(line: string): string {
  return line
    .replace(
      /(\b[a-z][a-z0-9+.-]{0,20}:\/{0,2}[^\s/@:?#"']*:)([^\s/@"']+)(?=@)/gi,
      (_, before: string, password: string) => before + stars(password.length)
    )
    .replace(
      /([?&][^=&#\s"']*(?:key|token|secret|passw|sig)[^=&#\s"']*=)([^&#\s"',}]+)/gi,
      (_, before: string, value: string) => before + stars(value.length)
    )
}

/** Names of placeholders stay. */
function starsBetween(text: string): string {
  return text
    .split(/(\{[a-z][\w.-]{0,40}\})/i)
    .map((piece, index) => (index % 2 === 1 ? piece : stars(piece.length)))
    .join('')
}

function stars(length: number): string {
  return '*'.repeat(length)
}
