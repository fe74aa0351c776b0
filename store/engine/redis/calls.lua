-- What every script begins with. Calls that go to a space at the same time are one
-- run of the script, which does one after the other; what goes wrong with one of
-- them is no matter of the others.
--
-- KEYS  those of all calls, one call's after the other's. A call names its own by
--       their position, from 1; 0 is none.
-- ARGV  1 prefix of the space's keys, then for each call
--         how many keys it has, how many arguments, and those
-- Result what each call gives, or its error
local KEYS, ARGV, call, unpack = KEYS, ARGV, redis.call, unpack
local prefix = ARGV[1]
local before = 0 -- keys, of other calls
local at = 1 -- the argument that was taken last

local function arg()
  at = at + 1
  return ARGV[at]
end

local function key()
  local position = arg()
  return position ~= '0' and KEYS[before + position] or nil
end

-- Does all calls. The function is given where the arguments of its call end, and
-- how many keys it has.
local function each(perform)
  local results, n = {}, #ARGV
  while at < n do
    local keys, last = arg(), arg()
    last = at + last
    local done, result = pcall(perform, last, keys)
    if not done then
      result = redis.error_reply(type(result) == 'table' and result.err or result)
    end
    results[#results + 1] = result
    before, at = before + keys, last
  end
  return results
end

