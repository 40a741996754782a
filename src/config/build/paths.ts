import type { AddressBind, Bind } from '../model/bind.ts'

/** Relative paths are relative to the directory of the file that contains them. */
export type ResolvePath = (path: string) => string

export function buildBinds<Each extends Bind>(
  binds: readonly Each[],
  absolute: ResolvePath
): (Each | AddressBind)[] {
  return binds.map((bind) => buildAddress(bind, absolute))
}

export function buildAddress<Address extends { readonly kind: string }>(
  address: Address | AddressBind,
  absolute: ResolvePath
): Address | AddressBind {
  if (!isUnix(address)) return address
  const path = absolute(address.path)
  return { kind: 'unix', path, text: `unix:${path}` }
}

function isUnix(address: { readonly kind: string }): address is Extract<AddressBind, { kind: 'unix' }> {
  return address.kind === 'unix'
}
