import type { ListenerConfig } from '../../config/model/model.ts'

/** Listeners that are gone, with the one of the same mode that has all their addresses now: that they are called otherwise is all. */
export function renamedListeners(
  before: readonly ListenerConfig[],
  after: readonly ListenerConfig[]
): Map<string, string> {
  const names = new Set(after.map(({ name }) => name))
  const renamed = new Map<string, string>()
  for (const { name, mode, binds } of before) {
    if (names.has(name)) continue
    const heir = after.find((other) => {
      const texts = new Set(other.binds.map(({ text }) => text))
      return other.mode === mode && binds.every((bind) => !isAnyPort(bind) && texts.has(bind.text))
    })
    if (heir !== undefined) renamed.set(name, heir.name)
  }
  return renamed
}

/** Such sockets are never handed on. */
function isAnyPort(bind: ListenerConfig['binds'][number]): boolean {
  return bind.kind === 'tcp' && bind.port === 0
}
