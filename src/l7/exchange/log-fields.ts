import { bareRecord } from '../../core/own.ts'

/** Of a field that a stage adds to the access log. */
export type LogValue = string | number | boolean

/** Fields that stages add to the line of an exchange. */
export class LogFields {
  /** Names and values by turns: a record of any names is a hash table, which is dear to make and to read. */
  readonly list: LogValue[]

  /** Most lines get one: an array that begins empty has room for seventeen after its first. */
  constructor(name: string, value: LogValue) {
    this.list = [name, value]
  }

  add(name: string, value: LogValue): void {
    const { list } = this
    for (let i = 0; i < list.length; i += 2) {
      if (list[i] === name) return void (list[i + 1] = value)
    }
    list.push(name, value)
  }

  get record(): Readonly<Record<string, unknown>> {
    const { list } = this
    const pairs = list.flatMap((value, i) => (i % 2 === 0 ? [[String(value), list[i + 1]] as const] : []))
    return bareRecord<unknown>(pairs)
  }
}

/** `fields` with one more; begins them where there are none. */
export function addTo(fields: LogFields | undefined, name: string, value: LogValue): LogFields {
  if (fields === undefined) return new LogFields(name, value)
  fields.add(name, value)
  return fields
}
