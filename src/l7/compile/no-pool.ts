const MOST_NAMED = 20

/** What is thrown at a plugin that asks for a pool that there is not. */
export function noPool(name: unknown, pools: readonly string[]): RangeError {
  const named = pools.slice(0, MOST_NAMED).join(', ')
  const more = pools.length > MOST_NAMED ? ', …' : ''
  return new RangeError(`there is no pool ${JSON.stringify(name)}; pools: ${named}${more}`)
}
