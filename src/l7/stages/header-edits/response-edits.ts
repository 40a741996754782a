import type { Exchange } from '../../exchange/exchange.ts'
import type { ResponseHead } from '../../exchange/response/response-head.ts'
import { compileEdits, type CompiledEdits } from '../../headers/header-edits.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { editFacts } from './edit-facts.ts'

/** `headers.response`: edits the fields that go to the client. */
class ResponseEdits implements Stage {
  readonly name = 'response-edits'
  readonly #edits: CompiledEdits

  constructor(edits: CompiledEdits) {
    this.#edits = edits
  }

  response(exchange: Exchange, head: ResponseHead): void {
    // Errors are answers of lb, not of the route.
    if (head.source !== 'error') this.#edits.apply(head.headers, editFacts(exchange))
  }
}

export function compile(_keys: undefined, { route }: StageContext): Stage | undefined {
  const edits = route === undefined ? undefined : compileEdits(route.headers.response)
  return edits === undefined ? undefined : new ResponseEdits(edits)
}
