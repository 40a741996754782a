import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { Exchange } from '../../exchange/exchange.ts'
import type { Identity } from '../../exchange/stage-run.ts'
import { claimAt, textsOf } from '../auth/claims.ts'
import type { Explanation, Stage } from '../stage.ts'
import type { StageContext } from '../stage-context.ts'
import { GO_ON, type Verdict } from '../verdict.ts'
import type { RequireInput } from './keys.ts'

/** What an identity lacks, in words; undefined: nothing. */
export function missing(identity: Identity | undefined, rule: RequireInput): string | undefined {
  if (identity === undefined) return rule.identity ? 'no identity' : undefined
  const enough = (wanted: readonly string[] | undefined, has: readonly string[]): boolean =>
    wanted === undefined ||
    (rule.match === 'any'
      ? wanted.some((one) => has.includes(one))
      : wanted.every((one) => has.includes(one)))
  if (!enough(rule.roles, identity.roles)) return `not the role ${rule.roles!.join(' or ')}`
  if (!enough(rule.scopes, identity.scopes ?? [])) return `not the scope ${rule.scopes!.join(' or ')}`
  for (const [path, values] of Object.entries(rule.claims ?? {})) {
    const has = textsOf(claimAt(identity.claims, path))
    if (!values.some((value) => has.includes(value))) return `the claim ${path} does not match`
  }
  return undefined
}

export function compile(rule: RequireInput, { refuse, route }: StageContext): Stage | undefined {
  if (route === undefined) return undefined
  return {
    name: 'require',

    explain(exchange: DryExchange): Explanation {
      if (exchange.identity !== undefined || exchange.wouldAsk === undefined)
        return { verdict: this.request!(exchange) }
      return {
        verdict: GO_ON,
        notes: [`decides by what ${exchange.wouldAsk} says, and is taken to let it through`]
      }
    },

    request(exchange: Exchange): Verdict {
      const lacks = missing(exchange.identity, rule)
      if (lacks === undefined) return GO_ON
      const scoped = lacks.startsWith('not the scope')
      return refuse(exchange, {
        code: 'LB_FORBIDDEN',
        reason: `${exchange.identity?.name ?? 'nobody'}: ${lacks}`,
        // RFC 6750 §3.1
        ...(scoped && {
          fields: `WWW-Authenticate: Bearer error="insufficient_scope", scope="${rule.scopes!.join(' ').replace(/["\\]/g, '')}"\r\n`
        })
      })
    }
  }
}
