import type { Exchange } from '../../exchange/exchange.ts'
import { sendLocal } from '../../exchange/response/local-answer.ts'
import { escapeFor } from '../../headers/escape-text.ts'
import { compilePlaceholders } from '../../headers/placeholders.ts'
import { compileRedirect } from '../../router/redirect.ts'
import { editFacts } from '../header-edits/edit-facts.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { ANSWERED } from '../verdict.ts'

const NO_BYTES = Buffer.alloc(0)

/** Answers by the route itself: `redirect` and `respond`. */
export function compile(_keys: undefined, { route }: StageContext): Stage | undefined {
  if (route === undefined) return undefined
  const { action } = route
  if (action.kind === 'redirect') {
    const { status } = action
    const location = compileRedirect(action.to, action.groups)
    return stage('redirect', (exchange) => {
      const { host, path, query } = exchange
      const to = location({ host, path, query }, editFacts(exchange))
      if (to === undefined) exchange.fail('LB_BAD_HOST', 'no Host to redirect to')
      else sendLocal(exchange, status, `Location: ${to}\r\n`, NO_BYTES)
    })
  }
  if (action.kind === 'respond') {
    const { status } = action
    const fields = respondFields(action.headers)
    const fieldsOf = compilePlaceholders(fields)
    const body = Buffer.from(action.body)
    const type = /^content-type: *([^\r]*)/im.exec(fields)?.[1] ?? ''
    const bodyOf = compilePlaceholders(action.body, escapeFor(type))
    if (fieldsOf === undefined && bodyOf === undefined) {
      return stage('respond', (exchange) => sendLocal(exchange, status, fields, body))
    }
    return stage('respond', (exchange) => {
      const facts = editFacts(exchange)
      const filled = bodyOf === undefined ? body : Buffer.from(bodyOf(facts))
      sendLocal(exchange, status, fieldsOf?.(facts) ?? fields, filled)
    })
  }
  return undefined
}

function stage(name: string, answer: (exchange: Exchange) => void): Stage {
  return {
    name,
    request(exchange) {
      answer(exchange)
      return ANSWERED
    }
  }
}

function respondFields(headers: Readonly<Record<string, string>>): string {
  const given = Object.entries(headers)
  const typed = given.some(([name]) => name.toLowerCase() === 'content-type')
  const lines = given.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return typed ? lines : `Content-Type: text/plain; charset=utf-8\r\n${lines}`
}
