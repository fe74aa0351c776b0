-- Asks brakes whether one more may pass, and counts (ticket.Brake).
--
-- KEYS  1 the record that remembers the answer, then the counters
-- ARGV  1 milliseconds to remember, then for each brake
--         counter limit window doubling peek trips
--       counter and trips are positions (0 trips nothing), window is in
--       milliseconds, doubling and peek are 0 or 1
-- Result the first brake that refuses, from 0, or -1
local known = redis.call('HGET', KEYS[1], 'refused')
if known then
  return tonumber(known)
end

local function allows(limit, doubling, n)
  if not doubling then
    return n <= limit
  end
  while n > 1 and n % 2 == 0 do
    n = n / 2
  end
  return n == 1
end

-- Which brakes refuse is settled before any counter moves: one may count what
-- another looks at.
local brakes, refused = {}, -1
for i = 2, #ARGV, 6 do
  local b = {
    counter = KEYS[tonumber(ARGV[i])],
    window = ARGV[i + 2],
    doubling = ARGV[i + 3] == '1',
    peek = ARGV[i + 4] == '1',
    trips = KEYS[tonumber(ARGV[i + 5])],
  }
  local n = tonumber(redis.call('HGET', b.counter, 'count') or 0)
  if not b.peek then
    n = n + 1
  end
  b.allowed = allows(tonumber(ARGV[i + 1]), b.doubling, n)
  brakes[#brakes + 1] = b
  if not b.allowed and refused < 0 then
    refused = #brakes - 1
  end
end

local function raise(counter, window)
  if redis.call('HINCRBY', counter, 'count', 1) == 1 then
    redis.call('PEXPIRE', counter, window)
  end
end

for _, b in ipairs(brakes) do
  if b.trips and not b.allowed then
    raise(b.trips, b.window)
  end
  if not b.peek and (refused < 0 or b.doubling or b.trips) then
    raise(b.counter, b.window)
  end
end
redis.call('HSET', KEYS[1], 'refused', refused)
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return refused
