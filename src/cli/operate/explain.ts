import type { CacheExplanationView, ExplanationView, KeyPartView } from '../../admin/api/explanation.ts'
import type { ExplainBody } from '../admin-client/admin-client.ts'
import type { Terminal } from '../terminal.ts'

export interface ExplainOptions {
  readonly request?: string
  readonly header?: readonly string[]
  readonly client?: string
  readonly listener?: string
  readonly http2?: boolean
  readonly status?: number
  readonly responseHeader?: readonly string[]
  readonly json?: boolean
}

/** The question: with a status or fields of a response, also whether that would be stored. */
export function explainBody(url: string, options: ExplainOptions): ExplainBody {
  const { request, header, client, listener, http2, status, responseHeader } = options
  const response =
    status === undefined && responseHeader === undefined ? undefined : { status, responseHeader }
  return {
    url,
    ...(request === undefined ? {} : { method: request }),
    ...(header === undefined ? {} : { headers: header }),
    ...(client === undefined ? {} : { client }),
    ...(listener === undefined ? {} : { listener }),
    ...(http2 === true ? { http2 } : {}),
    ...(response === undefined
      ? {}
      : {
          response: {
            ...(status === undefined ? {} : { status }),
            ...(responseHeader === undefined ? {} : { headers: responseHeader })
          }
        })
  }
}

/** `lb explain`: prints what would happen to a request, one fact per line. */
export function printExplanation(view: ExplanationView, json: boolean, terminal: Terminal): void {
  if (json) return terminal.write(`${JSON.stringify(view, undefined, 2)}\n`)
  const rows: [string, string][] = [['listener', view.listener]]
  if (view.route !== undefined) rows.push(['route', view.route])
  const { passedOver } = view
  // The last ones came closest.
  for (const { route, condition } of passedOver.slice(-10))
    rows.push([
      '',
      `not ${route}: ${condition === 'not' ? 'what `not` names matches' : `${condition} does not match`}`
    ])
  if (passedOver.length > 10) rows.push(['', `nor ${passedOver.length - 10} before them`])
  if (view.refused !== undefined) {
    const { status, code, why } = view.refused
    rows.push(['refused', `${status} ${code}: ${why}`])
  }
  if (view.action !== undefined) rows.push(actionRow(view.action))
  if (view.forwards !== undefined) rows.push(['asks for', view.forwards])
  if (view.cache !== undefined) rows.push(...cacheRows(view.cache))
  else if (view.forwards !== undefined) rows.push(['cache', 'none'])
  view.notes?.forEach((note, index) => rows.push([index === 0 ? 'note' : '', note]))
  view.sends?.forEach((line, index) => rows.push([index === 0 ? 'sends' : '', line]))
  if (view.answers !== undefined) {
    const { status, fields } = view.answers
    fields.forEach((line, index) => rows.push([index === 0 ? `answers ${status}` : '', line]))
  }
  const width = Math.max(...rows.map(([name]) => name.length))
  terminal.write(rows.map(([name, text]) => `${name.padEnd(width)}  ${text}\n`).join(''))
}

function actionRow(action: NonNullable<ExplanationView['action']>): [string, string] {
  switch (action.kind) {
    case 'pool':
      return ['pool', action.pool]
    case 'split':
      return ['split', action.targets.map(({ pool, weight }) => `${pool} (${weight})`).join(', ')]
    case 'redirect':
      return ['redirect', `${action.status} to ${action.location}`]
    case 'respond':
      return ['respond', String(action.status)]
  }
}

function cacheRows(cache: CacheExplanationView): [string, string][] {
  const rows: [string, string][] = [['cache', cache.store]]
  cache.parts.forEach((part, index) => rows.push([index === 0 ? 'key' : '', partText(part)]))
  cache.variant.forEach((part, index) => rows.push([index === 0 ? 'varies by' : '', partText(part)]))
  rows.push(['outcome', `${cache.outcome}: ${cache.why}`])
  const { status, bytes, ageSeconds, ttlSeconds, storing } = cache
  if (status !== undefined && ageSeconds !== undefined && ttlSeconds !== undefined) {
    const size = bytes === undefined ? '' : `, ${bytes} bytes`
    const left = ttlSeconds >= 0 ? `fresh for ${ttlSeconds} s more` : `stale for ${-ttlSeconds} s`
    rows.push(['found', `${status}${size}, ${ageSeconds} s old, ${left}`])
  }
  if (storing !== undefined) {
    const lifetime = storing.ttlSeconds === undefined ? '' : ` (${storing.ttlSeconds} s)`
    rows.push(['stored', `${storing.stored}: ${storing.why}${lifetime}`])
  }
  return rows
}

const kinds: Readonly<Record<KeyPartView['kind'], string>> = {
  url: '',
  route: 'routes like this: ',
  'written-path': 'path as written ',
  forwarded: 'from a trusted proxy: ',
  header: 'header ',
  cookie: 'cookie '
}

function partText({ kind, name, value }: KeyPartView): string {
  const text = value ?? '(absent)'
  return `${kinds[kind]}${name === undefined ? '' : `${name}: `}${text}`
}
