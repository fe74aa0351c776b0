-- Does a batch: all of it, or nothing and says which check does not hold.
--
-- KEYS  every record, index and pack that the batch names; all in one slot. Steps name
--       them by their position. Not among them are those whose names only the
--       store knows: of a drawn number, or of the index where a member stands.
-- ARGV  1 prefix of the space's keys
--       2 position of the operation's record, or 0   3 milliseconds it lives
--       4 number of checks   5 number of draws   then one after the other
--         checks  equal key field want | absent key field | leased key member score
--         draws   key field
--         steps   verb and arguments, as below
-- Result {"done", number…} | {"repeat", number…} | {"conflict", check from 0}
local prefix = ARGV[1]
local at = 5

local function arg()
  at = at + 1
  return ARGV[at]
end

local function key()
  return KEYS[tonumber(arg())]
end

local operation = KEYS[tonumber(ARGV[2])]
if operation then
  local numbers = redis.call('HGET', operation, 'numbers')
  if numbers then
    -- A write, so that waiting for the replicas means something here too.
    redis.call('PEXPIRE', operation, ARGV[3])
    local result = {'repeat'}
    for n in string.gmatch(numbers, '%d+') do
      result[#result + 1] = n
    end
    return result
  end
end

for check = 0, tonumber(ARGV[4]) - 1 do
  local kind, k, name = arg(), key(), arg()
  local holds
  if kind == 'leased' then
    holds = tonumber(redis.call('ZSCORE', k, name) or '') == tonumber(arg())
  elseif kind == 'absent' then
    holds = not redis.call('HGET', k, name)
  else
    holds = redis.call('HGET', k, name) == arg()
  end
  if not holds then
    return {'conflict', tostring(check)}
  end
end

local numbers = {}
for draw = 1, tonumber(ARGV[5]) do
  local k, field = key(), arg()
  numbers[draw] = string.format('%.0f', redis.call('HINCRBY', k, field, 1))
end

-- Takes a member out of the index that a field of a record names.
local function unplace(record, field, member)
  local index = redis.call('HGET', record, field)
  if index then
    redis.call('ZREM', prefix .. index, member)
  end
end

local call = redis.call

-- A pack is a string: its numbers one after the other, in no order, the lowest
-- byte of each first, for string.find to pass over most of them. One that is
-- put in again may stand there twice until it is taken out, and what was taken out
-- leaves a hole; who reads a pack sees neither.
local width, hole = 4, string.rep('\0', 4)

-- Takes the holes out of a pack when none is left of some numbers here and there,
-- the first among them: most of it is holes then, or all.
local function tighten(k, numbers)
  local n, samples = #numbers / width, 8
  for i = 1, samples - 1 do
    local from = math.floor(i * n / samples) * width
    if string.sub(numbers, from + 1, from + width) ~= hole then
      return
    end
  end
  local left = {}
  for from = 1, #numbers, width do
    local number = string.sub(numbers, from, from + width - 1)
    if number ~= hole then
      left[#left + 1] = number
    end
  end
  if #left == 0 then
    call('DEL', k)
  else
    call('SET', k, table.concat(left))
  end
end

local function exclude(k, gone)
  local numbers, found = call('GET', k), false
  for i = 1, numbers and #gone or 0, width do
    local number = string.sub(gone, i, i + width - 1)
    local from = string.find(numbers, number, 1, true)
    while from do
      if from % width == 1 then -- and not the end of one and the beginning of the next
        call('SETRANGE', k, from - 1, hole)
        found = true
      end
      from = string.find(numbers, number, from + 1, true)
    end
  end
  if found and call('GETRANGE', k, 0, width - 1) == hole then
    tighten(k, call('GET', k))
  end
end

while at < #ARGV do
  local verb = arg()
  if verb == 'put' then -- key n field value…
    local k, n = key(), 2 * tonumber(arg())
    call('HSET', k, unpack(ARGV, at + 1, at + n))
    at = at + n
  elseif verb == 'add' then -- key n score member…
    local k, n = key(), 2 * tonumber(arg())
    call('ZADD', k, unpack(ARGV, at + 1, at + n))
    at = at + n
  elseif verb == 'put-absent' then -- key field value
    call('HSETNX', key(), arg(), arg())
  elseif verb == 'put-number' then -- key field draw
    call('HSET', key(), arg(), numbers[tonumber(arg()) + 1])
  elseif verb == 'put-at' then -- beginning-of-name draw field value
    local name = arg() .. numbers[tonumber(arg()) + 1]
    call('HSET', prefix .. name, arg(), arg())
  elseif verb == 'expire' then -- key milliseconds
    call('PEXPIRE', key(), arg())
  elseif verb == 'place' then -- key field index-name member score
    local record, field, index, member = key(), arg(), arg(), arg()
    unplace(record, field, member)
    call('HSET', record, field, index)
    call('ZADD', prefix .. index, arg(), member)
  elseif verb == 'unplace' then -- key field member
    local record, field = key(), arg()
    unplace(record, field, arg())
    call('HDEL', record, field)
  elseif verb == 'add-earlier' then -- key member score
    local k, member = key(), arg()
    call('ZADD', k, 'LT', arg(), member)
  elseif verb == 'remove' then -- key member
    call('ZREM', key(), arg())
  elseif verb == 'delete' then -- key field
    call('HDEL', key(), arg())
  elseif verb == 'include' then -- key numbers
    call('APPEND', key(), arg())
  elseif verb == 'exclude' then -- key numbers
    exclude(key(), arg())
  elseif verb == 'drop' then -- key
    call('UNLINK', key())
  else
    return redis.error_reply('no such step: ' .. verb)
  end
end

if operation then
  redis.call('HSET', operation, 'numbers', table.concat(numbers, ' '))
  redis.call('PEXPIRE', operation, ARGV[3])
end
local result = {'done'}
for draw, n in ipairs(numbers) do
  result[draw + 1] = n
end
return result
