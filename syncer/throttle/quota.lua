-- One budget of calls, shared by all workers. The rule itself is explained in quota_memory.py.
--
-- KEYS[1]  a hash of moments (ms): "full" when the burst will be whole again, "pause" and "bulk" when pauses end
-- KEYS[2]  a sorted set: place -> moment (ms) at which it is forgotten
-- ARGV     op ("take" | "slow_down"), now (ms; "" = this server's clock), bulk (0 | 1), amount (calls, or ms to pause),
--          patience (ms), ms per call, burst, calls let through elsewhere while Redis was away, furthest (ms),
--          place, places (0 = no such limit), ms for which a place is held, ms to wait for one,
--          calls of the burst for bulk
-- Returns  {1 if taken, ms to wait}

local op, bulk, amount = ARGV[1], ARGV[3] == '1', tonumber(ARGV[4])
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end

local stored = redis.call('HMGET', KEYS[1], 'full', 'pause', 'bulk')
local full, pause, bulk_pause = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0, tonumber(stored[3]) or 0
local furthest = tonumber(ARGV[9])

-- The hash outlives what stands in it, nothing more.
local function keep()
  local moment = math.max(full, pause, bulk_pause)
  if moment > now then
    redis.call('PEXPIRE', KEYS[1], math.ceil(moment - now) + 1000)
  end
end

if op == 'slow_down' then
  if bulk then
    bulk_pause = math.max(bulk_pause, now + amount)
    redis.call('HSET', KEYS[1], 'bulk', string.format('%.3f', bulk_pause))
  else
    pause = math.max(pause, now + amount)
    redis.call('HSET', KEYS[1], 'pause', string.format('%.3f', pause))
  end
  keep()
  return { 0, amount }
end

local patience, step, burst, elsewhere = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local place, places = ARGV[10], tonumber(ARGV[11])
if elsewhere > 0 then
  full = math.max(full, now) + elsewhere * step
  redis.call('HSET', KEYS[1], 'full', string.format('%.3f', full))
  keep()
end

if full > now + burst * step + furthest then -- the clock was set back
  full = now + burst * step + furthest
  redis.call('HSET', KEYS[1], 'full', string.format('%.3f', full))
end
local at, room = math.max(now, pause), burst
if bulk then
  at, room, patience = math.max(at, bulk_pause), tonumber(ARGV[14]), 0
end
at = math.max(at, full - math.max(room - amount, 0) * step)
local wait = math.ceil(at - now - 0.000001)
if wait > patience then
  return { 0, wait }
end

if places > 0 and place ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.3f', now))
  if redis.call('ZCARD', KEYS[2]) >= places then
    return { 0, tonumber(ARGV[13]) }
  end
  redis.call('ZADD', KEYS[2], string.format('%.3f', at + ARGV[12]), place)
  redis.call('PEXPIRE', KEYS[2], math.ceil(at - now + ARGV[12]))
end
if step > 0 then
  full = math.max(full, at) + amount * step
  redis.call('HSET', KEYS[1], 'full', string.format('%.3f', full))
  keep()
end
return { 1, wait }
