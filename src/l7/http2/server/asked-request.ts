import { parseFailure } from '../../http1/parse/parse-failure.ts'
import type { HeadLimits } from '../../http1/parse/request-parser.ts'
import type { Request } from '../../message/request.ts'
import type { ErrorCode } from '../../../core/errors.ts'
import { makeEntry } from '../hpack/decoder-table.ts'
import { fieldMarks } from '../hpack/field-marks.ts'
import { DEFAULT_URGENCY } from '../session/send/priority.ts'
import { MALFORMED_REQUEST, RequestSection } from './request-section.ts'

export type AskedField = readonly [name: string, value: string]

/**
 * A request of `lb explain` or of a test in the file, as HTTP/2 would read it: pseudo-fields first, names in lower
 * case.
 */
export type AskedRequest =
  | { readonly request: Request; readonly urgency: number; readonly incremental: boolean }
  | { readonly code: ErrorCode; readonly reason: string }

/** Reads the fields as a connection would, without HPACK. */
export function readAsked(fields: readonly AskedField[], limits: HeadLimits): AskedRequest {
  const section = new RequestSection().begin()
  for (const [name, value] of fields) section.onField(makeEntry(name, value, fieldMarks(name)))
  // Whether a body follows is all that a length says: none is sent.
  const hasBody = fields.some(([name, value]) => name === 'content-length' && Number(value) > 0)
  const failure = section.end(!hasBody, false, limits, true)
  if (failure === MALFORMED_REQUEST) {
    return { code: 'LB_BAD_REQUEST', reason: 'malformed for HTTP/2: the stream is reset with PROTOCOL_ERROR' }
  }
  if (failure !== 0) return parseFailure(failure)
  const { priority = DEFAULT_URGENCY * 2 } = section
  return { request: section.request!, urgency: priority >> 1, incremental: (priority & 1) === 1 }
}
