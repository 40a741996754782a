import { Script } from '../../script.ts'

/** An instance that has said nothing for this long is not waited for. */
export const PRESENT_MS = 2000

/** Instances; id of this one. Returns how many there are, this one included. */
export const presentScript = new Script(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${PRESENT_MS})
redis.call('PEXPIRE', KEYS[1], ${10 * PRESENT_MS})
return redis.call('ZCARD', KEYS[1])
`)
