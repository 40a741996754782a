import { isLocalBind } from '../config/local-bind.ts'
import type { AdminConfig } from '../config/model/model.ts'

/** Why `lb` must not start with this admin listener, or undefined. Also used by the check of the configuration. */
export function adminProblem(admin: AdminConfig): string | undefined {
  if (admin.token !== undefined && admin.token !== '') return undefined
  const exposed = admin.binds.find((bind) => !isLocalBind(bind))
  if (exposed === undefined) return undefined
  return `admin.bind ${exposed.text} is reachable from other machines: set admin.token, or bind 127.0.0.1`
}
