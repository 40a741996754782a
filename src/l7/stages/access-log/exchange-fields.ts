import { ACCESS_FIELDS, type AccessField } from '../../../config/model/access-log-model.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import { fieldValues } from './field-values.ts'

/** The fields of an exchange's line. `exchange-line.ts` writes the same fields as text. */
export function exchangeFields(
  exchange: Exchange,
  durationMs: number,
  fields: readonly AccessField[] = ACCESS_FIELDS
): object {
  const values = fields.map((name) => [name, fieldValues[name](exchange, durationMs)])
  return { ...Object.fromEntries(values), ...exchange.logFields?.record }
}
