import type { Bind } from '../model/model.ts'

/** Relative paths count from the directory of the file that names them. */
export type ResolvePath = (path: string) => string

export function buildBinds(binds: readonly Bind[], absolute: ResolvePath): Bind[] {
  return binds.map((bind) => buildAddress(bind, absolute))
}

export function buildAddress<Address extends Bind>(address: Address, absolute: ResolvePath): Address | Bind {
  if (address.kind === 'tcp') return address
  const path = absolute(address.path)
  return { kind: 'unix', path, text: `unix:${path}` }
}
