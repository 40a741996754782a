import type { Exchange } from '../../exchange/exchange.ts'
import { claimAt, textsOf } from '../auth/claims.ts'
import type { Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import { fieldText } from './field-text.ts'
import type { IdentityInput } from './keys.ts'

/** Tells backends who the user is. Without an identity the fields are only removed. */
class TellsIdentity implements Stage {
  readonly name = 'identity'
  readonly owns: readonly string[]
  readonly #input: IdentityInput
  readonly #claims: readonly (readonly [string, string])[]

  constructor(input: IdentityInput) {
    this.#input = input
    this.#claims = Object.entries(input.claims)
    const named = [input.header, input.roles, input.method].filter((name) => name !== undefined)
    this.owns = [...named, ...Object.keys(input.claims)].map((name) => name.toLowerCase())
  }

  request(exchange: Exchange): Verdict {
    const { identity } = exchange
    if (identity === undefined) return GO_ON
    const { header, roles, method } = this.#input
    if (header !== undefined) exchange.setRequestField(header, fieldText(identity.name))
    if (roles !== undefined) exchange.setRequestField(roles, list(identity.roles))
    if (method !== undefined) exchange.setRequestField(method, identity.by)
    for (const [name, path] of this.#claims) {
      const texts = textsOf(claimAt(identity.claims, path))
      if (texts.length > 0) exchange.setRequestField(name, list(texts))
    }
    return GO_ON
  }
}

function list(texts: readonly string[]): string {
  return texts.map((text) => fieldText(text).replaceAll(',', '%2C')).join(',')
}

export function compile(input: IdentityInput, { route }: StageContext): Stage | undefined {
  return route === undefined ? undefined : new TellsIdentity(input)
}
