-- Asks brakes whether one more may pass, and counts (ticket.Brake).
--
-- KEYS  1 the record that remembers the answer, then the counters
-- ARGV  1 position of the record   2 milliseconds to remember, then for each brake
--         counter limit window doubling peek trips
--       counter and trips are positions (0 trips nothing), window is in
--       milliseconds, doubling and peek are 0 or 1
-- Result the first brake that refuses, from 0, or -1
local function allows(limit, doubling, n)
  if not doubling then
    return n <= limit
  end
  while n > 1 and n % 2 == 0 do
    n = n / 2
  end
  return n == 1
end

local function ask(fresh)
  local b = {
    counter = key(), limit = tonumber(arg()), window = arg(),
    doubling = arg() == '1', peek = arg() == '1', trips = key(),
  }
  local n = fresh and 0 or tonumber(call('HGET', b.counter, 'count') or 0)
  if not b.peek then
    n = n + 1
  end
  b.allowed = allows(b.limit, b.doubling, n)
  return b
end

local function raise(counter, window)
  if call('HINCRBY', counter, 'count', 1) == 1 then
    call('PEXPIRE', counter, window)
  end
end

return each(function(last, keys)
  local record, remember = key(), arg()
  -- Most who write have not written lately: then there is nothing to look up.
  local fresh = call('EXISTS', unpack(KEYS, before + 1, before + keys)) == 0
  local known = not fresh and call('HGET', record, 'refused')
  if known then
    return tonumber(known)
  end
  -- Which brakes refuse is settled before any counter moves: one may count what
  -- another looks at.
  local brakes, refused = {}, -1
  while at < last do
    local b = ask(fresh)
    brakes[#brakes + 1] = b
    if not b.allowed and refused < 0 then
      refused = #brakes - 1
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
  call('HSET', record, 'refused', refused)
  call('PEXPIRE', record, remember)
  return refused
end)
