import { Script } from '../script.ts'

/** Lock, token, milliseconds: prolongs the lock for its holder. */
export const renewLock = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

export const releaseLock = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

/** Lock, record; token, text. Writes only for the holder of the lock. */
export const writeLocked = new Script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2])
return 1`)

/** Pending challenges, turn; field, text, seconds that it lives by the clock of Redis. Returns the turn of this change. */
export const putChallenge = new Script(`
local ends = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], ARGV[1], ends .. ' ' .. ARGV[2])
return redis.call('INCR', KEYS[2])`)

/**
 * Pending challenges, turn, who has seen which turn; own name, the turn it has seen. Returns the current turn and the
 * challenges; forgets instances that have been gone for a minute, and what dead ones have left.
 */
export const lookAtChallenges = new Script(`
local now = tonumber(redis.call('TIME')[1])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2] .. ' ' .. now)
local seen = redis.call('HGETALL', KEYS[3])
for i = 2, #seen, 2 do
  local at = tonumber(string.match(seen[i], ' (%d+)$'))
  if at == nil or now - at > 60 then redis.call('HDEL', KEYS[3], seen[i - 1]) end
end
local pending = redis.call('HGETALL', KEYS[1])
local alive = {}
for i = 2, #pending, 2 do
  local ends, text = string.match(pending[i], '^(%d+) (.*)$')
  if ends and tonumber(ends) > now then
    alive[#alive + 1] = pending[i - 1]
    alive[#alive + 1] = text
  else
    redis.call('HDEL', KEYS[1], pending[i - 1])
  end
end
return { tonumber(redis.call('GET', KEYS[2]) or '0'), alive }`)

/**
 * Who has seen which turn; turn, seconds. Returns how many instances that were alive in these seconds have not seen it
 * yet.
 */
export const countUnaware = new Script(`
local now = tonumber(redis.call('TIME')[1])
local seen = redis.call('HGETALL', KEYS[1])
local unaware = 0
for i = 2, #seen, 2 do
  local turn, at = string.match(seen[i], '^(%d+) (%d+)$')
  if turn and now - tonumber(at) <= tonumber(ARGV[2]) and tonumber(turn) < tonumber(ARGV[1]) then
    unaware = unaware + 1
  end
end
return unaware`)
