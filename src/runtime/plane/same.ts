import type { PoolConfig } from '../../config/model/model.ts'

/** Of plain data created by one program in one order, which can be compared as text: 6 ms for 10,000 backends. */
export function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** As `same`, but backends that are the same objects are not looked into: there may be tens of thousands. */
export function samePool(a: PoolConfig, b: PoolConfig): boolean {
  if (a === b) return true
  const [was, is] = [a.backends, b.backends]
  if (was !== is && (was.length !== is.length || was.some((each, i) => !same(each, is[i])))) return false
  return same({ ...a, backends: [] }, { ...b, backends: [] })
}

/** Who has chosen a backend by the rules of `a` and speaks to it as `a` says does what `b` says. */
export function sameReach(a: PoolConfig, b: PoolConfig): boolean {
  const reach = ({ protocol, tls, proxyProtocol, source, algorithm, hash, sticky }: PoolConfig) => ({
    ...{ protocol, tls, proxyProtocol, source, algorithm, hash, sticky }
  })
  return same(reach(a), reach(b))
}
