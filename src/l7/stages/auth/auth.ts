import type { Exchange } from '../../exchange/exchange.ts'
import type { DryExchange } from '../../exchange/dry/dry-exchange.ts'
import type { StageContext } from '../stage-context.ts'
import type { Explanation, Stage } from '../stage.ts'
import { ANSWERED, GO_ON, type Verdict, WAITS } from '../verdict.ts'
import type { Answer, AuthMethod, Denied, Pending, Proven } from './auth-method.ts'
import { Audit } from './audit.ts'
import { clientKey } from '../../../net/address/client-key.ts'
import type { AuthMemory } from './auth-memory.ts'
import { Guesses } from './guesses.ts'
import type { AuthInput } from './keys.ts'
import { makeMethod } from './make-methods.ts'
import { sharedMethod } from './method-store.ts'

const UNAVAILABLE: Denied = {
  kind: 'denied',
  code: 'LB_AUTH_UNAVAILABLE',
  reason: 'the credential was not checked in time'
}

/** Tries one method after the other; the first that recognises its credential decides. */
class Auth implements Stage {
  readonly name = 'auth'
  readonly owns: readonly string[]
  readonly #methods: readonly AuthMethod[]
  readonly #input: AuthInput
  readonly #context: StageContext
  readonly #guesses: Guesses | undefined
  readonly #strips: boolean
  readonly #audit: Audit

  constructor(methods: readonly AuthMethod[], input: AuthInput, context: StageContext) {
    this.#methods = methods
    this.#input = input
    this.#context = context
    this.owns = methods.flatMap(({ fields = [] }) => fields)
    const { guesses } = input
    if (guesses !== false) {
      this.#guesses = new Guesses(guesses, (context.memory as AuthMemory).guesses, context.engine.clock)
    }
    const stages = (context.route ?? context.listener).stages
    this.#strips = (stages['identity'] as { readonly strip?: boolean } | undefined)?.strip === true
    this.#audit = new Audit(methods, context, input.audit)
  }

  request(exchange: Exchange): Verdict {
    return this.#ask(exchange, 0, undefined)
  }

  explain(exchange: DryExchange): Explanation {
    const notes: string[] = []
    const verdict = this.#ask(exchange, 0, undefined, (asks) => {
      exchange.wouldAsk = asks
      notes.push(`would ask ${asks}`)
    })
    const { identity } = exchange
    if (identity !== undefined) {
      const roles = identity.roles.length === 0 ? '' : `, roles ${identity.roles.join(', ')}`
      notes.push(`${identity.by} says it is ${identity.name}${roles}`)
    } else if (verdict === GO_ON && notes.length === 0)
      notes.push('no credential; it goes on without an identity')
    return { verdict, notes }
  }

  /**
   * `before`: the refusal of an earlier method that did not know the credential. `wouldAsk`: given in a dry run, which
   * asks no external service.
   */
  #ask(
    exchange: Exchange,
    from: number,
    before: Denied | undefined,
    wouldAsk?: (asks: string) => void
  ): Verdict {
    let denied = before
    for (let i = from; i < this.#methods.length; i++) {
      const method = this.#methods[i]!
      const answer = method.check(exchange)
      if (answer === undefined) continue
      if (answer.kind === 'denied' && answer.unknown === true) {
        denied = answer
        continue
      }
      if (answer.kind === 'pending') {
        if (wouldAsk === undefined) return this.#wait(exchange, i, answer, denied)
        wouldAsk(answer.asks)
        this.#strip(exchange)
        return GO_ON
      }
      return this.#settle(exchange, i, answer)
    }
    return this.#none(exchange, denied)
  }

  #wait(exchange: Exchange, index: number, pending: Pending, before: Denied | undefined): Verdict {
    const throttled = this.#throttled(exchange, pending.account)
    if (throttled !== undefined) return throttled
    const wait = exchange.wait(pending.timeoutMs, () => this.#settle(exchange, index, UNAVAILABLE))
    wait.onCancel = pending.start((answer) =>
      wait.resume(() => {
        if (answer === undefined) return this.#ask(exchange, index + 1, before)
        if (answer.kind !== 'denied' || answer.unknown !== true) return this.#settle(exchange, index, answer)
        return this.#ask(exchange, index + 1, before ?? answer)
      })
    )
    return WAITS
  }

  #settle(exchange: Exchange, index: number, answer: Answer): Verdict {
    const method = this.#methods[index]!
    switch (answer.kind) {
      case 'proven':
        return this.#accept(exchange, index, answer)
      case 'denied':
        return this.#deny(exchange, method, answer)
      case 'pending':
        return this.#wait(exchange, index, answer, undefined)
      case 'reply':
        // In shadow mode, the paths of a login still work.
        if (this.#input.shadow && (answer.outcome === 'refused' || method.login === undefined))
          return this.#refuse(exchange, method.name, 'refused', { kind: 'denied', reason: answer.reason })
        this.#audit.refused(exchange, method.name, answer.outcome, answer.reason)
        if (exchange.dry) exchange.note(`${method.name} answers: ${answer.reason}`)
        else answer.send(exchange)
        return ANSWERED
    }
  }

  #accept(exchange: Exchange, index: number, proven: Proven): Verdict {
    if (!exchange.dry) {
      if (!proven.beyondGuessing && proven.lastClient !== exchange.clientIp) {
        const throttled = this.#throttled(exchange, undefined)
        if (throttled !== undefined) return throttled
        proven.lastClient = exchange.clientIp
      }
      this.#audit.allowed(exchange, index, proven)
    }
    exchange.identity = proven.identity
    if (proven.fields !== undefined) {
      for (const [name, value] of proven.fields) exchange.setRequestField(name, value)
    }
    if (proven.responseLines !== undefined) exchange.addResponseLines(proven.responseLines)
    this.#strip(exchange)
    return GO_ON
  }

  #strip(exchange: Exchange): void {
    if (this.#strips) for (const each of this.#methods) each.strip(exchange)
  }

  /** No method has recognised a credential. */
  #none(exchange: Exchange, denied: Denied | undefined): Verdict {
    if (denied !== undefined) return this.#deny(exchange, undefined, denied)
    if (this.#input.optional) {
      this.#audit.count('none', 'allowed')
      return GO_ON
    }
    for (const [index, method] of this.#methods.entries()) {
      // In shadow mode no client is sent to a login.
      if (this.#input.shadow) break
      const answer = method.login?.(exchange)
      if (answer === undefined) continue
      if (!exchange.dry) return this.#settle(exchange, index, answer)
      exchange.note(`${method.name} would send the client to its login`)
      return ANSWERED
    }
    return this.#refuse(exchange, 'none', 'missing', { kind: 'denied', reason: 'no credential' })
  }

  #deny(exchange: Exchange, method: AuthMethod | undefined, denied: Denied): Verdict {
    if (denied.guess === true && !exchange.dry) {
      const throttled = this.#throttled(exchange, denied.account)
      if (throttled !== undefined) return throttled
      this.#guesses?.count(clientKey(exchange.clientIp), denied.account)
    }
    const seen = denied.usual === true ? 'missing' : 'refused'
    const outcome = denied.code === 'LB_AUTH_UNAVAILABLE' ? 'unavailable' : seen
    return this.#refuse(exchange, method?.name ?? 'none', outcome, denied)
  }

  #refuse(
    exchange: Exchange,
    method: string,
    outcome: 'refused' | 'missing' | 'unavailable',
    denied: Denied
  ): Verdict {
    this.#audit.refused(exchange, method, outcome, denied.reason)
    const code = denied.code ?? 'LB_UNAUTHENTICATED'
    let fields = denied.fields ?? ''
    if (code === 'LB_UNAUTHENTICATED' || code === 'LB_LOGIN_FAILED') {
      for (const each of this.#methods) {
        const told = each.name === method || denied.unknown === true ? denied : undefined
        fields += `WWW-Authenticate: ${each.challenge(told)}\r\n`
      }
    } else if (code === 'LB_AUTH_UNAVAILABLE') fields += 'Retry-After: 1\r\n'
    return this.#context.refuse(exchange, { code, reason: denied.reason, fields })
  }

  #throttled(exchange: Exchange, account: string | undefined): Verdict | undefined {
    const ms = this.#guesses?.wait(clientKey(exchange.clientIp), account) ?? 0
    if (ms === 0) return undefined
    const reason = 'too many wrong credentials (auth.guesses)'
    this.#audit.refused(exchange, 'none', 'throttled', reason)
    const seconds = Math.max(1, Math.ceil(ms / 1000))
    return this.#context.refuse(exchange, {
      code: 'LB_AUTH_GUESSES',
      reason,
      fields: `Retry-After: ${seconds}\r\n`,
      members: { retryAfter: seconds }
    })
  }
}

export function compile(input: AuthInput, context: StageContext): Stage | undefined {
  const { route, listener, engine } = context
  if (route === undefined) return undefined
  const { clock, log, dry, pseudonym: instance } = engine
  const { turns, dpop: tables, keySets } = context.memory as AuthMemory
  const methods = input.methods.map((method, index) => {
    const dpop = dry ? undefined : tables[index]
    const keySet = dry ? undefined : keySets[index]
    const sessions = method.oidc === undefined || dry ? undefined : context.remoteSessions()
    return sharedMethod(engine, `${sessions?.id ?? ''}\n${JSON.stringify(method)}`, () =>
      makeMethod(method, { realm: listener.name, clock, log, dry, instance, turns, dpop, keySet, sessions })
    )
  })
  return new Auth(methods, input, context)
}
