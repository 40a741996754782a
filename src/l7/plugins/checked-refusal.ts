import { errorKind, errors } from '../../core/errors.ts'
import { checkLines } from '../message/checked-line.ts'
import type { Refusal } from '../stages/refusal.ts'

/** Throws at a refusal that a plugin cannot answer with. */
export function checkRefusal(refusal: Refusal): void {
  const { code, reason, fields, members } = refusal
  if (!Object.hasOwn(errors, code) || !answers(code))
    throw new RangeError(`there is no code ${JSON.stringify(code)} to refuse with; codes: ${codes()}`)
  if (typeof reason !== 'string') throw new TypeError('a refusal has a reason, which is text for the log')
  if (fields !== undefined) checkLines(fields)
  if (members !== undefined) JSON.stringify(members)
}

/** Some have no status, since nobody is there to tell. */
function answers(code: Refusal['code']): boolean {
  const { status } = errorKind(code)
  return status !== undefined && status !== 499
}

function codes(): string {
  return (Object.keys(errors) as Refusal['code'][]).filter(answers).join(', ')
}
