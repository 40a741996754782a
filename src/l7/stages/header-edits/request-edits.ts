import type { Exchange } from '../../exchange/exchange.ts'
import type { ForwardHead } from '../../exchange/forward-head.ts'
import { compileEdits, type CompiledEdits } from '../../headers/header-edits.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { editFacts } from './edit-facts.ts'

/**
 * `headers.request`: edits the fields that go to a backend. They see the fields that lb adds too, so they can change or
 * remove them.
 */
class RequestEdits implements Stage {
  readonly name = 'request-edits'
  readonly #edits: CompiledEdits

  constructor(edits: CompiledEdits) {
    this.#edits = edits
  }

  forward(exchange: Exchange, { headers }: ForwardHead): void {
    this.#edits.apply(headers, editFacts(exchange), true)
  }
}

export function compile(_keys: undefined, { route }: StageContext): Stage | undefined {
  const edits = route === undefined ? undefined : compileEdits(route.headers.request)
  return edits === undefined ? undefined : new RequestEdits(edits)
}
