import type { PickContext } from '../pool/pick-context.ts'
import type { View } from '../pool/view.ts'
import { nextAdmitted } from './structures/alias-table.ts'
import type { Selector } from './selector.ts'

/** The first backend, in the order of the file, that is not full: the others are stand-bys, or take the overflow. */
export class First implements Selector {
  pick(view: View, context: PickContext): number {
    return view.count === 0 ? -1 : nextAdmitted(view, 0, context)
  }
}
