import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

// For `node --import`: every function of src/ notes when it is entered and when it is left.

const src = join(import.meta.dirname, '../../../src')

/** What happened while `on`: the file that was entered, with the function's name, or that one was left. */
export interface Trace {
  on: boolean
  steps: ({ readonly file: string; readonly name: string } | 'left')[]
}

const trace: Trace = { on: false, steps: [] }
const files: string[] = []
Object.assign(globalThis, {
  lbTrace: trace,
  lbEntered(file: number, name: string) {
    if (trace.on) trace.steps.push({ file: files[file]!, name })
  },
  lbLeft() {
    if (trace.on) trace.steps.push('left')
  }
})

interface Edit {
  readonly at: number
  readonly text: string
  readonly opens: boolean
}

registerHooks({
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
    const path = fileURLToPath(url)
    if (!path.startsWith(src + sep)) return next(url, context)
    return { format: 'module-typescript', source: noting(path), shortCircuit: true }
  }
})

function noting(path: string): string {
  const text = readFileSync(path, 'utf8')
  const parsed = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const file = files.push(relative(src, path).replaceAll(sep, '/')) - 1
  const edits: Edit[] = []
  const visit = (node: ts.Node): void => {
    const { body } = node as { body?: ts.Node }
    if (ts.isFunctionLike(node) && body !== undefined) {
      const enter = `lbEntered(${file},${JSON.stringify(nameOf(node, parsed))});try{`
      if (ts.isBlock(body)) {
        edits.push({ at: body.getStart(parsed) + 1, text: enter, opens: true })
        edits.push({ at: body.end - 1, text: '}finally{lbLeft()}', opens: false })
      } else {
        edits.push({ at: body.getStart(parsed), text: `{${enter}return (`, opens: true })
        edits.push({ at: body.end, text: ')}finally{lbLeft()}}', opens: false })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(parsed)
  return edited(text, edits)
}

/** At one place a function that is empty opens before it closes, and an inner one closes before the outer. */
function edited(text: string, edits: readonly Edit[]): string {
  const numbered = edits.map((edit, order) => ({ ...edit, order }))
  numbered.sort((a, b) => {
    if (a.at !== b.at) return b.at - a.at
    if (a.opens !== b.opens) return a.opens ? 1 : -1
    return a.opens ? b.order - a.order : a.order - b.order
  })
  for (const { at, text: more } of numbered) text = text.slice(0, at) + more + text.slice(at)
  return text
}

function nameOf(node: ts.SignatureDeclaration, parsed: ts.SourceFile): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor'
  const { parent } = node as { parent?: { name?: ts.Node } }
  return (node.name ?? parent?.name)?.getText(parsed) ?? ''
}
