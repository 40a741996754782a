import { Script } from '../script.ts'

/** A fill that takes longer than this is not published: removals in that time may have been forgotten. */
export const LONGEST_FILL_MS = 120_000

/** Old pieces stay for this long, for readers. */
const READ_MS = 5000

// A head begins with eight hex digits of a checksum, a space, the id of its fill (22), a space, and the number of pieces.
const dropOld = `
local function dropOld(old)
  local id, pieces = string.sub(old, 10, 31), tonumber(string.match(old, '^%d+', 33)) or 0
  for i = 0, pieces - 1 do redis.call('PEXPIRE', KEYS[1] .. ':' .. id .. ':' .. i, ${READ_MS}) end
end
`

/**
 * Head, claim; token or '', lease in ms, beginning of a head that is unreadable or ''. Answers the time in seconds and µs, and the
 * head with the first piece, and 'f' behind it where another is about to replace it; or '' and 1 (the claim is ours), 'r' or 'f' (another has it and waits for its answer, or
 * stores it), or 0 (nothing).
 */
export const openScript = new Script(`
local t = redis.call('TIME')
local head = redis.call('GET', KEYS[1])
if head and ARGV[3] ~= '' and string.sub(head, 1, 31) == ARGV[3] then
  redis.call('DEL', KEYS[1])
  head = false
end
if head then
  local first = redis.call('GET', KEYS[1] .. ':' .. string.sub(head, 10, 31) .. ':0')
  return { t[1], t[2], head, first or '', string.sub(redis.call('GET', KEYS[2]) or '', -1) }
end
if ARGV[1] == '' then return { t[1], t[2], '', '0', '' } end
local claim = redis.call('GET', KEYS[2])
if claim then return { t[1], t[2], '', string.sub(claim, -1), '' } end
redis.call('SET', KEYS[2], ARGV[1] .. 'r', 'PX', ARGV[2])
return { t[1], t[2], '', '1', '' }
`)

/**
 * Head, claim; token, lease in ms, phase, '1' to take the claim from another holder. Returns the time, and whether the
 * claim is ours.
 */
export const holdScript = new Script(`
local t = redis.call('TIME')
local claim = redis.call('GET', KEYS[2])
if ARGV[4] ~= '1' and (not claim or string.sub(claim, 1, -2) ~= ARGV[1]) then return { t[1], t[2], 0 } end
redis.call('SET', KEYS[2], ARGV[1] .. ARGV[3], 'PX', ARGV[2])
return { t[1], t[2], 1 }
`)

/** Head, claim; token. */
export const releaseScript = new Script(`
local claim = redis.call('GET', KEYS[2])
if claim and string.sub(claim, 1, -2) == ARGV[1] then redis.call('DEL', KEYS[2]) end
return 0
`)

/**
 * Head, claim, removal, pieces; token, head, life in ms, channel, news, when upstream was asked (µs of the server, not later than
 * it was) or ''. Publishes what was written, unless the claim is lost or the entry was removed since upstream was asked.
 */
export const commitScript = new Script(`${dropOld}
local claim = redis.call('GET', KEYS[2])
if not claim or string.sub(claim, 1, -2) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
local gone = redis.call('GET', KEYS[3])
if gone and ARGV[6] ~= '' and tonumber(gone) >= tonumber(ARGV[6]) then return 0 end
for i = 4, #KEYS do
  if redis.call('PEXPIRE', KEYS[i], ARGV[3]) == 0 then return 0 end
end
local old = redis.call('GET', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
if old then
  dropOld(old)
  redis.call('PUBLISH', ARGV[4], ARGV[5])
end
return 1
`)

/** Head, claim, removal; channel, news. Fills under way are not published, whoever has the claim. */
export const removeScript = new Script(`${dropOld}
local old = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
local t = redis.call('TIME')
redis.call('SET', KEYS[3], string.format('%d%06d', t[1], t[2]), 'PX', ${2 * LONGEST_FILL_MS})
if old then dropOld(old) end
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
`)
