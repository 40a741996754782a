import { createSecretKey } from 'node:crypto'
import type { Clock } from '../../../../core/clock.ts'
import type { Logger } from '../../../../core/log/log.ts'
import { WatchedFile } from '../../watched-file.ts'
import { readKeySet, replaceKeys, type VerifyKey } from './key-set.ts'
import type { KeySource } from './key-source.ts'

/** Keys in a file, which is read again when it changes. */
export function fileKeys(path: string, clock: Clock, log: Logger): KeySource {
  let keys: readonly VerifyKey[] = []
  const make = (text: string): readonly VerifyKey[] => (keys = replaceKeys(keys, readKeySet(text, keys)))
  const file = new WatchedFile<readonly VerifyKey[]>(path, 'credentials', [], make, clock, log).begin()
  return {
    get keys() {
      return file.current
    },
    mayAsk: () => false,
    ask: () => () => {}
  }
}

/** One secret that both sides know. */
export function secretKey(secret: string): KeySource {
  const keys = [
    { kid: undefined, alg: undefined, text: '', key: createSecretKey(Buffer.from(secret)), revoked: false }
  ]
  return { keys, mayAsk: () => false, ask: () => () => {} }
}
