import type { Socket } from 'node:net'
import { chunkedCases } from './cases/chunked.ts'
import { connectionCases } from './cases/connection.ts'
import { fieldCases } from './cases/fields.ts'
import { framingCases } from './cases/framing.ts'
import { hostAndTargetCases, pathCases } from './cases/host-and-target.ts'
import { requestLineCases } from './cases/request-line.ts'
import { responseCases } from './cases/responses.ts'
import { converse } from './raw-client.ts'
import type { RawOrigin, SeenRequest } from './raw-origin.ts'
import type { Forwarded, ForwardedRequest, Refused, RequestCase } from './request-case.ts'
import type { ResponseCase } from './response-case.ts'

export const requestCases: readonly RequestCase[] = [
  ...framingCases,
  ...chunkedCases,
  ...requestLineCases,
  ...fieldCases,
  ...hostAndTargetCases,
  ...pathCases,
  ...connectionCases
]

export interface CaseResult {
  readonly name: string
  readonly bytes: string
  /** What is wrong, undefined when the case passes. */
  readonly failure: string | undefined
}

export type Connect = () => Promise<Socket>

/**
 * Runs every case against a proxy that forwards all hosts and paths to `origin`. It knows nothing of the proxy but where
 * to connect, so it can be held to others for comparison.
 */
export async function runBattery(
  connect: Connect,
  origin: RawOrigin,
  deadlineMs: (name: string) => number = () => 1500
): Promise<CaseResult[]> {
  const results: CaseResult[] = []
  for (const one of requestCases) {
    const failure = await runRequestCase(one, connect, origin, deadlineMs(one.name))
    results.push({ name: one.name, bytes: one.bytes, failure })
  }
  for (const one of responseCases) {
    const name = `response: ${one.name}`
    const failure = await runResponseCase(one, connect, origin, deadlineMs(name))
    results.push({ name, bytes: one.bytes, failure })
  }
  return results
}

async function runRequestCase(
  one: RequestCase,
  connect: Connect,
  origin: RawOrigin,
  deadlineMs: number
): Promise<string | undefined> {
  origin.reset()
  const failure =
    'status' in one.expect
      ? await expectRefused(one, one.expect, connect, origin, deadlineMs)
      : await expectForwarded(one, one.expect, connect, origin, deadlineMs)
  if (origin.broken.length > 0) return `the origin was sent nonsense: ${origin.broken[0]}`
  return failure
}

async function expectRefused(
  one: RequestCase,
  expect: Refused,
  connect: Connect,
  origin: RawOrigin,
  deadlineMs: number
): Promise<string | undefined> {
  const after = expect.after ?? 0
  const closes = expect.closes ?? true
  const seen = await converse(
    await connect(),
    one.bytes,
    ({ responses }) => !closes && finals(responses).length > after,
    { deadlineMs }
  )
  const answers = finals(seen.responses)
  const statuses = answers.map((response) => response.status)
  if (origin.requests.length > after)
    return `forwarded: ${origin.requests.map((request) => request.line).join(', ')}; answered ${statuses}`
  if (answers.length !== after + 1) return `${answers.length} answers (${statuses}), then ${seen.end}`
  const status = statuses.at(-1)!
  const wanted = typeof expect.status === 'number' ? [expect.status] : expect.status
  if (!wanted.includes(status)) return `answered ${status}, not ${wanted.join(' or ')}`
  if (closes && seen.end === 'open') return `answered ${status}, and the connection stayed open`
  if (!answers.at(-1)!.complete) return `answered ${status}, but not to the end`
  return undefined
}

async function expectForwarded(
  one: RequestCase,
  expect: Forwarded,
  connect: Connect,
  origin: RawOrigin,
  deadlineMs: number
): Promise<string | undefined> {
  const count = expect.forwarded.length
  const head = one.bytes.startsWith('HEAD')
  const enough = ({ responses }: { responses: readonly { status: number; complete: boolean }[] }): boolean =>
    expect.closes !== true && finals(responses).filter((response) => response.complete).length >= count
  const seen = await converse(await connect(), one.bytes, enough, { head, deadlineMs })
  const statuses = finals(seen.responses).map((response) => response.status)
  if (origin.requests.length !== count)
    return `${origin.requests.length} requests forwarded, not ${count}; answered ${statuses}, then ${seen.end}`
  if (statuses.length !== count || statuses.some((status) => status !== 200))
    return `answered ${statuses}, then ${seen.end}`
  if (expect.closes === true && seen.end === 'open') return 'the connection stayed open'
  for (let i = 0; i < count; i++) {
    const difference = differs(origin.requests[i]!, expect.forwarded[i]!)
    if (difference !== undefined) return `request ${i}: ${difference}`
  }
  return undefined
}

function differs(seen: SeenRequest, expect: ForwardedRequest): string | undefined {
  if (seen.line !== `${expect.line} HTTP/1.1`) return `line ${JSON.stringify(seen.line.slice(0, 200))}`
  const lines = seen.fields.map(withOneSpace)
  if (
    expect.host !== undefined &&
    !lines.some((line) => line.toLowerCase() === `host: ${expect.host!.toLowerCase()}`)
  )
    return `host ${lines.find((line) => /^host:/i.test(line))}`
  if (expect.body !== undefined && seen.body !== expect.body)
    return `body of ${seen.body.length} ${JSON.stringify(seen.body.slice(0, 100))}`
  const missing = expect.has?.find((field) => !lines.includes(withOneSpace(field)))
  if (missing !== undefined)
    return `no ${JSON.stringify(missing.slice(0, 100))} in ${JSON.stringify(lines).slice(0, 600)}`
  const extra = expect.hasNot?.find((name) => lines.some((line) => line.toLowerCase().startsWith(`${name}:`)))
  if (extra !== undefined) return `${extra} was passed on`
  return undefined
}

function withOneSpace(field: string): string {
  const colon = field.indexOf(':')
  return `${field.slice(0, colon)}: ${field.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '')}`
}

function finals<T extends { readonly status: number }>(responses: readonly T[]): T[] {
  return responses.filter((response) => response.status >= 200)
}

async function runResponseCase(
  one: ResponseCase,
  connect: Connect,
  origin: RawOrigin,
  deadlineMs: number
): Promise<string | undefined> {
  origin.reset()
  origin.answer = () => ({ bytes: one.bytes, close: one.close ?? false })
  const method = one.method ?? 'GET'
  const request = `${method} /r HTTP/1.1\r\nHost: a\r\n${one.fields?.map((field) => field + '\r\n').join('') ?? ''}\r\n`
  const enough = ({ responses }: { responses: readonly { status: number; complete: boolean }[] }): boolean =>
    one.expect !== 'cut' && finals(responses).some((response) => response.complete)
  const seen = await converse(await connect(), request, enough, { head: method === 'HEAD', deadlineMs })
  const answers = finals(seen.responses)
  const told = `${answers.map((response) => `${response.status}${response.complete ? '' : ' (incomplete)'}`)}, then ${seen.end}`
  const last = answers[0]
  if (one.expect === 'cut') {
    // The status had gone out: what is left is to end the connection before the message is whole, or 502 if it had not.
    if (last === undefined) return seen.end === 'open' ? 'no answer' : undefined
    if (last.status === 502 && last.complete) return undefined
    return last.complete
      ? `a whole answer: ${told} ${JSON.stringify(last.body.slice(0, 100))}`
      : seen.end === 'open'
        ? `left hanging: ${told}`
        : undefined
  }
  if (last === undefined) return `no answer: ${told}`
  if (answers.length > 1) return `several answers: ${told}`
  if (last.status !== one.expect.status) return `answered ${told}`
  if (!last.complete) return `incomplete: ${told}`
  if (one.expect.body !== undefined && last.body !== one.expect.body)
    return `body ${JSON.stringify(last.body.slice(0, 200))}`
  const lines = last.fields.map(withOneSpace)
  const missing = one.expect.has?.find((field) => !lines.includes(withOneSpace(field)))
  if (missing !== undefined) return `no ${JSON.stringify(missing)} in ${JSON.stringify(lines)}`
  const extra = one.expect.hasNot?.find((name) =>
    lines.some((line) => line.toLowerCase().startsWith(`${name}:`))
  )
  if (extra !== undefined) return `${extra} was passed on`
  const interim = seen.responses
    .filter((response) => response.status < 200)
    .map((response) => response.status)
  if (one.expect.interim !== undefined && `${interim}` !== `${one.expect.interim}`)
    return `interim ${interim}`
  if (seen.rest !== '') return `more behind the answer: ${JSON.stringify(seen.rest.slice(0, 100))}`
  return undefined
}
