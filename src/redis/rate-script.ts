/**
 * One decision, on the server's time. What is stored: "debt time" of a token bucket (tokens, µs), "start count previous" of
 * windows. Answers: granted, whole requests left, µs until one passes, µs until all is back, start of the window. Fixed windows
 * are those of the clock; sliding ones begin with the first request after a pause (see rate-decision.ts).
 */
export const rateScript = `
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local algorithm, requests, per, burst = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]) * 1000, tonumber(ARGV[4])
local cost, want, force, only = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7] == '1', ARGV[8]
local kept = redis.call('GET', KEYS[1])
local granted, eps = 0, 1e-9
if algorithm == 'token-bucket' then
  local debt = 0
  if kept then
    local d, at = string.match(kept, '^(%S+) (%S+)$')
    if d then debt = math.max(0, tonumber(d) - math.max(0, now - tonumber(at)) * requests / per) end
  end
  local room = burst - debt
  if force then granted = cost
  elseif room + eps >= cost then granted = math.max(cost, math.min(want, math.floor(room / 2))) end
  local after = debt + granted
  if force then after = math.max(0, math.min(after, 2 * burst)) end
  if granted ~= 0 then
    redis.call('SET', KEYS[1], string.format('%.9f %.0f', after, now), 'PX', math.ceil(after * per / requests / 1000) + 1000)
  end
  local retry = 0
  if granted == 0 then retry = math.ceil((cost - room) * per / requests) end
  return { string.format('%.9f', granted), math.max(0, math.floor(burst - after + eps)), retry, math.ceil(after * per / requests), 0 }
end
local fixed = algorithm == 'fixed-window'
local start, count, before = now, 0, 0
if fixed then start = math.floor(now / per) * per end
if kept then
  local s, c, p = string.match(kept, '^(%S+) (%S+) (%S+)$')
  if s then
    s, c, p = tonumber(s), tonumber(c), tonumber(p)
    local behind = math.floor((now - s) / per)
    if fixed then
      if s == start then count = c end
    elseif behind == 0 or behind == -1 then start, count, before = s, c, p
    elseif behind == 1 and c > 0 then start, before = s + per, c end
  end
end
local share = math.max(0, now - start) / per
if force and only ~= '' and tonumber(only) ~= start then return { '0', 0, 0, 0, start } end
local used = before * (1 - share) + count
local room = requests - used
if force then granted = cost
elseif room + eps >= cost then granted = math.max(cost, math.min(want, math.floor(room / 2))) end
local after = math.max(0, count + granted)
if granted ~= 0 then
  redis.call('SET', KEYS[1], string.format('%.0f %.9f %.9f', start, after, before), 'PX', math.ceil(per / 500) + 1000)
end
local retry = 0
if granted == 0 then
  retry = (1 - share) * per
  if algorithm == 'sliding-window' then
    local free = requests - count - cost
    if free >= 0 and before > 0 then retry = math.max(0, 1 - free / before - share) * per
    elseif count > 0 then retry = retry + math.min(1, math.max(0, 1 - (requests - cost) / count)) * per end
  end
end
local full = (1 - share) * per
if algorithm == 'sliding-window' then full = full + per end
return { string.format('%.9f', granted), math.max(0, math.floor(requests - before * (1 - share) - after + eps)), math.ceil(retry), math.ceil(full), start }
`
