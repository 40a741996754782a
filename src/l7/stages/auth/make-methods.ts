import { ApiKeys } from './api-keys/api-keys.ts'
import type { AuthMethod } from './auth-method.ts'
import { Basic } from './basic/basic.ts'
import { ClientCert } from './client-cert/client-cert.ts'
import { Jwt } from './jwt/jwt.ts'
import { Introspection } from './introspection/introspection.ts'
import { ForwardAuth } from './forward/forward.ts'
import { Oidc } from './oidc/oidc.ts'
import type { AuthMethodInput } from './keys.ts'
import type { MethodContext } from './method-context.ts'

/** config/ has checked that each item names one method. */
export function makeMethod(input: AuthMethodInput, context: MethodContext): AuthMethod {
  if (input.apiKeys !== undefined) return new ApiKeys(input.apiKeys, context)
  if (input.basic !== undefined) return new Basic(input.basic, context)
  if (input.jwt !== undefined) return new Jwt(input.jwt, context)
  if (input.introspection !== undefined) return new Introspection(input.introspection, context)
  if (input.forward !== undefined) return new ForwardAuth(input.forward, context)
  if (input.oidc !== undefined) return new Oidc(input.oidc, context)
  if (input.clientCert !== undefined) return new ClientCert(input.clientCert, context)
  throw new Error('an item of auth names no method')
}
