import { Script } from '../../script.ts'
import { SOFT_BEGINS } from './purge.ts'

/** Purges that are remembered; entries older than the oldest of them are not used any more. */
export const PURGES_KEPT = 1024

/** Sequence, log; known number, channel, purges as JSON. Returns the number of the last one. Soft ones get the server's time. */
export const purgeScript = new Script(`
local t = redis.call('TIME')
local now = string.format('{"soft":%d%03d,', t[1], math.floor(t[2] / 1000))
local n = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]))
for i = 3, #ARGV do
  n = n + 1
  local purge = ARGV[i]
  if string.sub(purge, 1, ${SOFT_BEGINS.length}) == '${SOFT_BEGINS}' then purge = now .. string.sub(purge, ${SOFT_BEGINS.length + 1}) end
  local line = n .. ' ' .. purge
  redis.call('RPUSH', KEYS[2], line)
  redis.call('PUBLISH', ARGV[2], line)
end
redis.call('SET', KEYS[1], n)
redis.call('LTRIM', KEYS[2], -${PURGES_KEPT}, -1)
return n
`)

/**
 * Sequence, log; first number wanted, least number of the sequence or -1. Returns the number of the last purge and the
 * lines after the known one. A server that has lost purges is set to the least number.
 */
export const readPurgesScript = new Script(`
local n = tonumber(redis.call('GET', KEYS[1]) or '0')
local known, least = tonumber(ARGV[1]), tonumber(ARGV[2])
if least > n then
  n = least
  redis.call('SET', KEYS[1], n)
end
local reply = { n }
if n ~= known then
  for _, line in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
    if tonumber(string.match(line, '^%d+')) > known then reply[#reply + 1] = line end
  end
end
return reply
`)
