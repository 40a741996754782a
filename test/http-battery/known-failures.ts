/** Cases of the battery that fail so far, and what is to be fixed. The list is meant to be empty. */
const KNOWN: readonly [names: RegExp, reason: string][] = []

export function knownFailure(name: string): string | undefined {
  return KNOWN.find(([names]) => names.test(name))?.[1]
}
