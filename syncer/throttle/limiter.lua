-- The limiter of one business number, shared by all workers. The rule itself is explained in memory.py.
--
-- KEYS[1]  a hash: "<window><lane><cell>" -> permits granted in that cell, e.g. "1l1790000000"; "pause" -> moment (ms)
-- ARGV     op ("take" | "give_back" | "slow_down"), now (ms; "" = this server's clock), lane ("l" live | "b" bulk),
--          amount (permits, or ms to pause), permits granted elsewhere while Redis was away (live, bulk),
--          then for each window: cell (ms), cells, limit, limit of bulk
-- Returns  {permits, ms to wait}

local op, lane, amount = ARGV[1], ARGV[3], tonumber(ARGV[4])
local elsewhere = { l = tonumber(ARGV[5]), b = tonumber(ARGV[6]) }
local FIRST_WINDOW = 7

local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local windows = {}
for i = FIRST_WINDOW, #ARGV, 4 do
  local cell_ms, cells = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  windows[#windows + 1] = {
    cell_ms = cell_ms, cells = cells, current = math.floor(now / cell_ms),
    limit = tonumber(ARGV[i + 2]), bulk_limit = tonumber(ARGV[i + 3]),
    l = {}, b = {},
  }
end

local function field(window, of_lane, cell)
  return string.format('%d%s%d', window, of_lane, cell)
end

local function add(w, of_lane, cell, permits)
  local counts = windows[w][of_lane]
  counts[cell] = (counts[cell] or 0) + permits
  if counts[cell] > 0 then
    redis.call('HSET', KEYS[1], field(w, of_lane, cell), counts[cell])
  else
    counts[cell] = nil
    redis.call('HDEL', KEYS[1], field(w, of_lane, cell))
  end
end

-- What the hash holds, without what no window looks at any more.
local pause, gone, late = 0, {}, {}
local stored = redis.call('HGETALL', KEYS[1])
for i = 1, #stored, 2 do
  local w, of_lane, cell = string.match(stored[i], '^(%d)(%a)(%d+)$')
  local window = windows[tonumber(w)]
  cell = tonumber(cell)
  if stored[i] == 'pause' then
    pause = tonumber(stored[i + 1])
  elseif not window or cell < window.current - window.cells then
    gone[#gone + 1] = stored[i]
  elseif cell > window.current then
    gone[#gone + 1] = stored[i]
    late[#late + 1] = { tonumber(w), of_lane, tonumber(stored[i + 1]) }
  else
    window[of_lane][cell] = tonumber(stored[i + 1])
  end
end
if #gone > 0 then
  redis.call('HDEL', KEYS[1], unpack(gone))
end
for _, moved in ipairs(late) do -- the clock was set back: permits of the future count as of now
  add(moved[1], moved[2], windows[moved[1]].current, moved[3])
end
for w, window in ipairs(windows) do
  for of_lane, permits in pairs(elsewhere) do
    if permits > 0 then
      add(w, of_lane, window.current, permits)
    end
  end
end

local function used(counts, current)
  local sum, oldest = 0, current
  for cell, permits in pairs(counts) do
    sum = sum + permits
    oldest = math.min(oldest, cell)
  end
  return sum, oldest
end

-- How many permits a window can grant, and how long until it can grant more.
local function room(window)
  local live, live_oldest = used(window.l, window.current)
  local bulk, bulk_oldest = used(window.b, window.current)
  local free, oldest = window.limit - live - bulk, math.min(live_oldest, bulk_oldest)
  if lane == 'b' and window.bulk_limit - bulk < free then
    free, oldest = window.bulk_limit - bulk, bulk_oldest
  end
  return math.max(free, 0), (oldest + window.cells + 1) * window.cell_ms - now
end

local function take()
  if pause > now then
    return { 0, pause - now }
  end
  local rooms, granted, wait = {}, amount, 0
  for w, window in ipairs(windows) do
    local free, more_in = room(window)
    rooms[w] = { free, more_in }
    granted = math.min(granted, free)
  end
  if granted > 0 then
    for w, window in ipairs(windows) do
      add(w, lane, window.current, granted)
    end
  end
  if granted < amount then
    for _, free_and_more in ipairs(rooms) do
      if free_and_more[1] <= granted then
        wait = math.max(wait, free_and_more[2])
      end
    end
  end
  return { granted, wait }
end

-- To the minute only, and from its oldest cells: see memory.py.
local function give_back()
  local minute, left = windows[1], amount
  for cell = minute.current - minute.cells, minute.current do
    local permits = math.min(left, minute[lane][cell] or 0)
    if permits > 0 then
      add(1, lane, cell, -permits)
      left = left - permits
    end
  end
  return { amount - left, 0 }
end

local function slow_down()
  pause = math.max(pause, now + amount)
  redis.call('HSET', KEYS[1], 'pause', pause)
  return { 0, pause - now }
end

local result = ({ take = take, give_back = give_back, slow_down = slow_down })[op]()

-- The hash outlives its longest window and its pause, nothing more.
local keep = pause - now
for _, window in ipairs(windows) do
  keep = math.max(keep, (window.cells + 2) * window.cell_ms)
end
redis.call('PEXPIRE', KEYS[1], math.ceil(keep))
return result
