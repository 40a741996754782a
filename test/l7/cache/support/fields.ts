import type { HeaderView } from '../../../../src/l7/cache/ports.ts'

export type FieldList = readonly (readonly [name: string, value: string])[]

/** A header block as tests write it. */
export function fields(list: FieldList): HeaderView {
  return {
    get(name) {
      const values = list.filter(([field]) => field.toLowerCase() === name).map(([, value]) => value)
      return values.length === 0 ? undefined : values.join(', ')
    },
    forEach(visit) {
      for (const [name, value] of list) visit(name, value)
    }
  }
}
